"""Widgets that carry a scene and tell their children."""

from PySide6 import QtWidgets
from PySide6.QtCore import Signal


class qMRMLWidget(QtWidgets.QWidget):
    """The usual root of a panel's .ui file."""

    mrmlSceneChanged = Signal(object)
    cppSignals = ("mrmlSceneChanged(vtkMRMLScene*)",)

    def mrmlScene(self):
        """The scene, or None."""
        return self.__dict__.get("_scene")

    def setMRMLScene(self, scene):
        """Slot of the scene."""
        if scene is not self.mrmlScene():
            self.__dict__["_scene"] = scene
            self.mrmlSceneChanged.emit(scene)


class qSlicerWidget(QtWidgets.QWidget):
    """The same outside the qMRML library: it shows no getter to scripts."""

    mrmlSceneChanged = Signal(object)
    cppSignals = ("mrmlSceneChanged(vtkMRMLScene*)",)

    def setMRMLScene(self, scene):
        """Slot of the scene."""
        if scene is not self.__dict__.get("_scene"):
            self.__dict__["_scene"] = scene
            self.mrmlSceneChanged.emit(scene)
