"""Buttons and combo boxes with more to them than Qt's."""

from PySide6 import QtCore, QtGui, QtWidgets
from PySide6.QtCore import Property, Signal

from headless.declare import stored


class ctkPushButton(QtWidgets.QPushButton):
    """A push button."""


class ctkMenuButton(ctkPushButton):
    """A push button with a menu."""


class ctkExpandButton(QtWidgets.QToolButton):
    """An arrow that says whether something is expanded."""


class ctkCheckBox(QtWidgets.QCheckBox):
    """A check box whose indicator may be an icon."""


class ctkCheckablePushButton(ctkPushButton):
    """A push button with a check box on it."""

    checkBoxToggled = Signal(bool)
    cppSignals = ("checkBoxToggled(bool)",)

    def _onCheckState(self, value):
        self.checkBoxToggled.emit(value == QtCore.Qt.CheckState.Checked)

    checkState = stored("QVariant", "checkState", QtCore.Qt.CheckState.Unchecked, _onCheckState)
    checkBoxControlsButton = stored(bool, "checkBoxControlsButton", True)


class ctkComboBox(QtWidgets.QComboBox):
    """A combo box with a text for the state in which nothing is chosen."""

    defaultText = stored(str, "defaultText", "")


class ctkCheckableComboBox(QtWidgets.QComboBox):
    """A combo box whose items can be ticked."""

    checkedIndexesChanged = Signal()
    cppSignals = ("checkedIndexesChanged()",)

    def checkState(self, index):
        """Whether the item at a model index is ticked."""
        state = self.model().data(index, QtCore.Qt.ItemDataRole.CheckStateRole)
        return QtCore.Qt.CheckState(state or 0)

    def setCheckState(self, index, state):
        """Tick or untick the item at a model index."""
        if self.checkState(index) != state:
            self.model().setData(index, QtCore.Qt.CheckState(state), QtCore.Qt.ItemDataRole.CheckStateRole)
            self.checkedIndexesChanged.emit()

    def checkedIndexes(self):
        """The model indices of the ticked items."""
        model = self.model()
        indices = [model.index(row, 0) for row in range(self.count)]
        return tuple(index for index in indices if self.checkState(index) == QtCore.Qt.CheckState.Checked)


class ctkColorPickerButton(QtWidgets.QPushButton):
    """A button that shows and chooses a colour."""

    colorChanged = Signal(QtGui.QColor)
    cppSignals = ("colorChanged(QColor)",)

    def __init__(self, parent=None):
        super().__init__(parent)
        self._color = QtGui.QColor("black")

    def setColor(self, color):
        """Slot of the colour."""
        if color != self._color:
            self._color = QtGui.QColor(color)
            self.colorChanged.emit(self._color)

    color = Property(QtGui.QColor, lambda self: self._color, setColor)


class ctkDirectoryButton(QtWidgets.QWidget):
    """A button that shows and chooses a folder."""

    directoryChanged = Signal(str)
    directorySelected = Signal(str)
    cppSignals = ("directoryChanged(QString)", "directorySelected(QString)")

    directory = stored(str, "directory", "", lambda self, value: self.directoryChanged.emit(value))
    text = stored(str, "text", "")
    caption = stored(str, "caption", "")
