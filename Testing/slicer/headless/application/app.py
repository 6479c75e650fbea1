"""`slicer.app`: a real QApplication with what qSlicerApplication adds, as far as scripts use it."""

import sys

from PySide6 import QtCore, QtWidgets
from PySide6.QtCore import Property, Signal

from headless.declare import stored

VERSION = (5, 12, 4)  # of the slicer-core wheel that the scene comes from


class qSlicerCommandOptions(QtCore.QObject):
    """Command line options of the application."""

    noMainWindow = stored(bool, "noMainWindow", False)
    runPythonAndExit = stored(bool, "runPythonAndExit", False)
    testingEnabled = stored(bool, "testingEnabled", True)


class qSlicerApplication(QtWidgets.QApplication):
    """The application object; message boxes of slicer.util answer by themselves because testing is enabled."""

    startupCompleted = Signal()
    mrmlSceneChanged = Signal(object)
    cppSignals = ("startupCompleted()", "mrmlSceneChanged(vtkMRMLScene*)")

    majorVersion = Property(int, lambda self: VERSION[0])
    minorVersion = Property(int, lambda self: VERSION[1])
    revision = Property(str, lambda self: "stand-in")
    platform = Property(str, lambda self: f"{sys.platform}-amd64")
    os = Property(str, lambda self: sys.platform)
    slicerHome = Property(str, lambda self: self.temporaryPath)
    temporaryPath = stored(str, "temporaryPath", "")
    renderPaused = Property(bool, lambda self: self.__dict__.get("_pauses", 0) > 0)
    documentationBaseUrl = Property(str, lambda self: "https://slicer.readthedocs.io/")

    def _startScene(self, parts, ioManager, moduleManager):
        """Take over the parts that the bootstrap made."""
        self._parts = parts
        self._ioManager = ioManager
        self._moduleManager = moduleManager
        self._layoutManager = None
        self._options = qSlicerCommandOptions()
        self.temporaryPath = str(parts.home)
        self.applicationName = "Slicer"
        self.organizationName = "headless"
        self._settings = settingsBelow(parts.home)
        self.applicationVersion = ".".join(str(number) for number in VERSION)

    def applicationLogic(self):
        """vtkSlicerApplicationLogic."""
        return self._parts.applicationLogic

    def mrmlScene(self):
        """The scene."""
        return self._parts.scene

    def coreIOManager(self):
        """Reads and writes files."""
        return self._ioManager

    def ioManager(self):
        """The same here."""
        return self._ioManager

    def moduleManager(self):
        """Knows the modules."""
        return self._moduleManager

    def moduleLogic(self, name):
        """The logic of a module by its name."""
        return self.applicationLogic().GetModuleLogic(name)

    def layoutManager(self):
        """The views, or None before they are made."""
        return self._layoutManager

    def setLayoutManager(self, layoutManager):
        """Take over the views."""
        self._layoutManager = layoutManager

    def commandOptions(self):
        """Command line options."""
        return self._options

    def testingEnabled(self):
        """Whether Slicer was started with --testing: message boxes are then skipped."""
        return self._options.testingEnabled

    def settings(self):
        """Settings in a file that goes with the temporary folder."""
        return self._settings

    def userSettings(self):
        """The same here."""
        return self._settings

    def revisionUserSettings(self):
        """The same here."""
        return self._settings

    def startupEnvironment(self):
        """Environment that Slicer was started in."""
        return QtCore.QProcessEnvironment.systemEnvironment()

    def environment(self):
        """Environment of the application."""
        return QtCore.QProcessEnvironment.systemEnvironment()

    def pauseRender(self):
        """Hold rendering; calls nest."""
        self.__dict__["_pauses"] = self.__dict__.get("_pauses", 0) + 1

    def resumeRender(self):
        """End one pauseRender."""
        self.__dict__["_pauses"] = max(0, self.__dict__.get("_pauses", 0) - 1)

    def moduleDocumentationUrl(self, name):
        """Address of a module's page."""
        return f"{self.documentationBaseUrl}en/latest/user_guide/modules/{name.lower()}.html"

    def restart(self):
        """A test must never get here."""
        raise RuntimeError("slicer.app.restart() was called")

    def openNodeModule(self, node):
        """There is no module to show a node in."""
        return False


def settingsBelow(folder):
    """Default settings of the process, kept in a folder so that nobody's own Slicer is touched."""
    ini = QtCore.QSettings.Format.IniFormat
    QtCore.QSettings.setDefaultFormat(ini)
    QtCore.QSettings.setPath(ini, QtCore.QSettings.Scope.UserScope, str(folder))
    return QtCore.QSettings()


class qSlicerAppMainWindow(QtWidgets.QMainWindow):
    """The main window; never shown."""

    def __init__(self):
        super().__init__()
        self.objectName = "qSlicerMainWindow"
