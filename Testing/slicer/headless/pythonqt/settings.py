"""QSettings as PythonQt shows it: a list value comes back as a tuple."""

from PySide6 import QtCore

from .values import toPythonQt

rawValue = QtCore.QSettings.value


def value(self, key, default=None):
    """The stored value, or the default."""
    return toPythonQt(rawValue(self, key, default))


def exposeSettings():
    """Put the reader on QSettings."""
    QtCore.QSettings.value = value
