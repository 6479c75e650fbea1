"""What tests use: waiting with the event loop running, pictures of views, faults that nobody raised."""

import logging
import sys
import time


def processEvents():
    """Handle everything that is due, deletions included, which a running event loop would do by itself."""
    from PySide6 import QtCore

    import slicer

    slicer.app.processEvents()
    QtCore.QCoreApplication.sendPostedEvents(None, QtCore.QEvent.Type.DeferredDelete)


def waitUntil(condition, seconds=10.0, what="the condition"):
    """Run the event loop until `condition()` holds; AssertionError when it does not within `seconds`."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not hold within {seconds} s")
        processEvents()
        time.sleep(0.005)


def sliceViewPng(name, path):
    """Write the picture of a slice view ("Red", "Green", "Yellow"); returns the path."""
    import slicer

    return slicer.app.layoutManager().sliceWidget(name).sliceView()._rendering().savePng(path)


def threeDViewPng(path):
    """Write the picture of the 3D view; returns the path."""
    import slicer

    return slicer.app.layoutManager().threeDWidget(0).threeDView()._rendering().savePng(path)


class FaultCollector(logging.Handler):
    """Exceptions in slots, timers and observers are only printed by Qt and VTK; here they are kept, to fail the test.

    Connections to signals that do not exist, which PythonQt only prints, are kept as well.
    """

    def __init__(self):
        super().__init__(logging.ERROR)
        self.faults = []

    def __enter__(self):
        self._hook = sys.excepthook
        sys.excepthook = self.onException
        logging.getLogger("headless").addHandler(self)
        return self

    def __exit__(self, *exception):
        sys.excepthook = self._hook
        logging.getLogger("headless").removeHandler(self)

    def onException(self, kind, value, traceback):
        """Keep the exception and print it as usual."""
        self.faults.append(f"{kind.__name__}: {value}")
        self._hook(kind, value, traceback)

    def emit(self, record):
        """Keep an error that the stand-in reports."""
        self.faults.append(record.getMessage())

    def take(self):
        """The faults so far, which are then forgotten: for tests that provoke them."""
        taken, self.faults = tuple(self.faults), []
        return taken
