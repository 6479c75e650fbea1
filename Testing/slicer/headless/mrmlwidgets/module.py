"""The widget that Slicer makes around a scripted module's panel."""

from PySide6 import QtWidgets
from PySide6.QtCore import Signal


class qSlicerScriptedLoadableModuleWidget(QtWidgets.QWidget):
    """Holds the Python widget and passes enter and exit on to it."""

    mrmlSceneChanged = Signal(object)
    cppSignals = ("mrmlSceneChanged(vtkMRMLScene*)",)

    def __init__(self, moduleName, makePythonWidget):
        super().__init__()
        QtWidgets.QVBoxLayout(self)
        self._moduleName = moduleName
        self._entered = False
        self._makePythonWidget = makePythonWidget
        self._pythonWidget = None

    @property
    def moduleName(self):
        """Name of the module."""
        return self._moduleName

    def setMRMLScene(self, scene):
        """Slot of the scene."""
        self.mrmlSceneChanged.emit(scene)

    def _setup(self):
        """Make the Python widget and let it build its panel."""
        self._pythonWidget = self._makePythonWidget(self)
        self._pythonWidget.setup()

    def self(self):
        """The Python widget."""
        return self._pythonWidget

    def reload(self):
        """Build the panel anew, from the Python module as it now is."""
        self._setup()

    def isEntered(self):
        """Whether the user looks at this module."""
        return self._entered

    def enter(self):
        """The user turns to this module."""
        self._entered = True
        if hasattr(self._pythonWidget, "enter"):
            self._pythonWidget.enter()

    def exit(self):
        """The user turns to another module."""
        self._entered = False
        if hasattr(self._pythonWidget, "exit"):
            self._pythonWidget.exit()
