"""Choice of a file or folder by typing."""

from PySide6 import QtCore, QtWidgets
from PySide6.QtCore import Property, Signal

from headless.declare import forwarded, stored


class ctkPathLineEdit(QtWidgets.QWidget):
    """A line for a path with a button to browse."""

    Dirs = QtCore.QDir.Filter.Dirs
    Files = QtCore.QDir.Filter.Files
    Executable = QtCore.QDir.Filter.Executable
    NoDot = QtCore.QDir.Filter.NoDot
    NoDotDot = QtCore.QDir.Filter.NoDotDot
    Readable = QtCore.QDir.Filter.Readable
    Writable = QtCore.QDir.Filter.Writable

    currentPathChanged = Signal(str)
    validInputChanged = Signal(bool)
    cppSignals = ("currentPathChanged(QString)", "validInputChanged(bool)")

    def __init__(self, parent=None):
        super().__init__(parent)
        self._line = QtWidgets.QLineEdit()
        row = QtWidgets.QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._line, 1)
        self._line.textChanged.connect(self.currentPathChanged)

    currentPath = forwarded(str, "_line", "text")
    nameFilters = stored("QStringList", "nameFilters", [])
    settingKey = stored(str, "settingKey", "")
    label = stored(str, "label", "")
    showHistoryButton = stored(bool, "showHistoryButton", True)
    showBrowseButton = stored(bool, "showBrowseButton", True)
    filters = Property(
        "QVariant",
        lambda self: self.__dict__.get("_filters", QtCore.QDir.Filter.AllEntries),
        lambda self, value: self.__dict__.__setitem__("_filters", QtCore.QDir.Filter(value)),
    )

    def setCurrentPath(self, path):
        """Slot of the path."""
        self.currentPath = path

    def addCurrentPathToHistory(self):
        """Nothing is remembered between sessions here."""
