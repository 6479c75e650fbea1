"""Widgets of CTK that know units and the scene."""

from PySide6.QtCore import Signal

from headless.ctk import ctkCollapsibleButton, ctkDoubleSpinBox, ctkSliderWidget
from headless.declare import stored


class qMRMLSliderWidget(ctkSliderWidget):
    """A slider that takes precision and suffix from the scene's units; here it keeps its own."""

    quantity = stored(str, "quantity", "")

    def mrmlScene(self):
        """The scene, or None."""
        return self.__dict__.get("_scene")

    def setMRMLScene(self, scene):
        """Slot of the scene."""
        self.__dict__["_scene"] = scene


class qMRMLSpinBox(ctkDoubleSpinBox):
    """A spin box of the same kind."""

    quantity = stored(str, "quantity", "")

    def mrmlScene(self):
        """The scene, or None."""
        return self.__dict__.get("_scene")

    def setMRMLScene(self, scene):
        """Slot of the scene."""
        self.__dict__["_scene"] = scene


class qMRMLCollapsibleButton(ctkCollapsibleButton):
    """A collapsible button that passes the scene on."""

    mrmlSceneChanged = Signal(object)
    cppSignals = ("mrmlSceneChanged(vtkMRMLScene*)",)

    def setMRMLScene(self, scene):
        """Slot of the scene."""
        if scene is not self.__dict__.get("_scene"):
            self.__dict__["_scene"] = scene
            self.mrmlSceneChanged.emit(scene)
