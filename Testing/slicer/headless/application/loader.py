"""Loading an unmodified scripted module file the way Slicer does."""

import importlib
import sys
from dataclasses import dataclass
from pathlib import Path

from PySide6 import QtCore, QtGui

import slicer
from headless.declare import stored
from headless.mrmlwidgets import qSlicerScriptedLoadableModuleWidget


class qSlicerScriptedLoadableModule(QtCore.QObject):
    """What a module class gets as `parent`."""

    title = stored(str, "title", "")
    categories = stored("QStringList", "categories", [])
    dependencies = stored("QStringList", "dependencies", [])
    contributors = stored("QStringList", "contributors", [])
    associatedNodeTypes = stored("QStringList", "associatedNodeTypes", [])
    helpText = stored(str, "helpText", "")
    acknowledgementText = stored(str, "acknowledgementText", "")
    hidden = stored(bool, "hidden", False)
    widgetRepresentationCreationEnabled = stored(bool, "widgetRepresentationCreationEnabled", True)
    index = stored(int, "index", -1)
    icon = stored(QtGui.QIcon, "icon", QtGui.QIcon())

    def __init__(self, name, path):
        super().__init__()
        self._name = name
        self._path = str(path)
        self._representation = None

    @property
    def name(self):
        """Name of the module."""
        return self._name

    @property
    def path(self):
        """The script."""
        return self._path

    def logic(self):
        """Scripted modules answer with None; their logic is the widget's."""
        return slicer.app.moduleLogic(self._name)

    def widgetRepresentation(self):
        """The panel, made at the first call."""
        if self._representation is None:
            self._representation = self.createNewWidgetRepresentation()
        return self._representation

    def createNewWidgetRepresentation(self):
        """Make a panel: the Python widget is built inside a C++ one, which gets the scene afterwards."""
        representation = qSlicerScriptedLoadableModuleWidget(self._name, self._makePythonWidget)
        representation._setup()
        representation.setMRMLScene(slicer.mrmlScene)
        return representation

    def _makePythonWidget(self, parent):
        widget = getattr(sys.modules[self._name], self._name + "Widget")(parent)
        setattr(slicer.modules, self._name + "Widget", widget)
        return widget


@dataclass(frozen=True)
class LoadedModule:
    """A scripted module after loading."""

    pythonModule: object  # the imported script
    module: qSlicerScriptedLoadableModule
    instance: object  # of the class with the module's name
    widget: object  # of the Widget class, panel built and entered


def loadScriptedModule(path):
    """Import the script, make its module object and its panel, and turn to it; returns a LoadedModule.

    The folder of the script is put on sys.path, as Slicer's module discovery does.
    """
    path = Path(path).resolve()
    name = path.stem
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    pythonModule = importlib.import_module(name)
    module = qSlicerScriptedLoadableModule(name, path)
    setattr(slicer.modules, name.lower(), module)
    instance = getattr(pythonModule, name)(module)
    setattr(slicer.modules, name + "Instance", instance)
    slicer.app.moduleManager()._add(module)
    representation = module.widgetRepresentation()
    representation.enter()
    return LoadedModule(pythonModule, module, instance, representation.self())


def unloadScriptedModule(loaded):
    """Leave the panel, announce the unloading (the widget then cleans up), and forget the module."""
    name = loaded.module.name
    representation = loaded.module.widgetRepresentation()
    representation.exit()
    slicer.app.moduleManager()._remove(name)
    for attribute in (name.lower(), name + "Instance", name + "Widget"):
        if hasattr(slicer.modules, attribute):
            delattr(slicer.modules, attribute)
    sys.modules.pop(name, None)
    representation.deleteLater()
