"""Containers that fold."""

from PySide6 import QtCore, QtWidgets
from PySide6.QtCore import Property, Signal

from headless.declare import stored

HEADER_HEIGHT = 24  # pixels
NO_LIMIT = 16777215  # Qt's largest widget size


class ctkCollapsibleButton(QtWidgets.QAbstractButton):
    """A checkable header; unchecked, its contents are hidden."""

    contentsCollapsed = Signal(bool)
    cppSignals = ("contentsCollapsed(bool)",)

    def __init__(self, text="", parent=None):
        if isinstance(text, QtWidgets.QWidget):
            text, parent = "", text
        super().__init__(parent)
        self.text = text
        self.checkable = True
        self.checked = True
        self.setContentsMargins(4, HEADER_HEIGHT, 4, 4)
        self.toggled.connect(self._showContents)

    collapsed = Property(bool, lambda self: not self.checked, lambda self, value: setattr(self, "checked", not value))
    flat = stored(bool, "flat", False)

    def _showContents(self, shown):
        for child in self.findChildren(QtWidgets.QWidget):
            if child.parentWidget() is self:
                child.setVisible(shown)
        self.setMaximumHeight(NO_LIMIT if shown else HEADER_HEIGHT)
        self.contentsCollapsed.emit(not shown)

    def paintEvent(self, event):
        """Draw the header as a push button with an arrow."""
        option = QtWidgets.QStyleOptionButton()
        option.initFrom(self)
        option.rect = QtCore.QRect(0, 0, self.width, HEADER_HEIGHT - 2)
        option.text = ("\u25be " if self.checked else "\u25b8 ") + self.text
        QtWidgets.QStylePainter(self).drawControl(QtWidgets.QStyle.ControlElement.CE_PushButton, option)


class ctkCollapsibleGroupBox(QtWidgets.QGroupBox):
    """A checkable group box; unchecked, its contents are hidden."""

    def __init__(self, title="", parent=None):
        if isinstance(title, QtWidgets.QWidget):
            title, parent = "", title
        super().__init__(title, parent)
        self.checkable = True
        self.checked = True
        self.toggled.connect(self._showContents)

    collapsed = Property(bool, lambda self: not self.checked, lambda self, value: setattr(self, "checked", not value))

    def _showContents(self, shown):
        for child in self.findChildren(QtWidgets.QWidget):
            if child.parentWidget() is self:
                child.setVisible(shown)


class ctkExpandableWidget(QtWidgets.QFrame):
    """A frame that users can make larger."""
