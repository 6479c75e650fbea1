"""slicer.modules and the module manager."""

from PySide6 import QtCore
from PySide6.QtCore import Signal


class Modules:
    """The object `slicer.modules`: one attribute per module."""


class qSlicerLoadableModule(QtCore.QObject):
    """A C++ module, of which only the logic is there."""

    def __init__(self, name, logic):
        super().__init__()
        self._name = name
        self._logic = logic

    @property
    def name(self):
        """Name of the module."""
        return self._name

    @property
    def path(self):
        """C++ modules have no script."""
        return ""

    def logic(self):
        """The module's logic."""
        return self._logic

    def widgetRepresentation(self):
        """The panels of C++ modules are not here."""
        return


class qSlicerModuleManager(QtCore.QObject):
    """Finds modules by name."""

    moduleLoaded = Signal(str)
    moduleAboutToBeUnloaded = Signal(str)
    cppSignals = ("moduleLoaded(QString)", "moduleAboutToBeUnloaded(QString)")

    def __init__(self):
        super().__init__()
        self._modules = {}

    def module(self, name):
        """The module, or None."""
        return self._modules.get(name)

    def modulesNames(self):
        """Names of all modules."""
        return tuple(self._modules)

    def _add(self, module):
        self._modules[module.name] = module
        self.moduleLoaded.emit(module.name)

    def _remove(self, name):
        self.moduleAboutToBeUnloaded.emit(name)
        self._modules.pop(name, None)
