"""QTimer.singleShot, a static method that PythonQt shows in place of the property of its name."""

import sys

from PySide6 import QtCore

rawSingleShot = QtCore.QTimer.singleShot


def singleShot(milliseconds, slot):
    """Call a slot later; its exceptions go to sys.excepthook, where PySide6 raises them out of the event loop."""

    def guarded():
        try:
            slot()
        except Exception:
            sys.excepthook(*sys.exc_info())

    rawSingleShot(milliseconds, guarded)


class StaticOverProperty:
    """A static method that hides the property of its name: it cannot be written to."""

    def __get__(self, instance, owner=None):
        return singleShot

    def __set__(self, instance, value):
        raise AttributeError(f"Slot 'singleShot' can not be overwritten on {type(instance).__name__} object")


def exposeSingleShot():
    """Put it on QTimer."""
    QtCore.QTimer.singleShot = StaticOverProperty()
