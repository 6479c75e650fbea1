"""`connect("clicked(bool)", slot)`: signals by C++ signature, with PythonQt's answers True and False."""

import logging

from PySide6 import QtCore

rawConnect = QtCore.QObject.connect
rawDisconnect = QtCore.QObject.disconnect
log = logging.getLogger("headless.pythonqt")


def normalized(signature):
    """`a( int , QString )` -> `a(int,QString)`."""
    return bytes(QtCore.QMetaObject.normalizedSignature(signature)).decode()


def declaredSignals(cls):
    """The C++ signatures that a stand-in widget and its bases say they emit."""
    return {signature for base in cls.__mro__ for signature in base.__dict__.get("cppSignals", ())}


def findSignal(instance, signature):
    """(normal signature, Python signal or None for a C++ one); (None, None) when the class has no such signal."""
    normal = normalized(signature)
    if "(" not in normal:
        return None, None
    if instance.metaObject().indexOfSignal(normal) >= 0:
        return normal, None
    if normal in declaredSignals(type(instance)):
        return normal, getattr(instance, pythonSignalName(type(instance), normal))
    return None, None


def pythonSignalName(cls, normal):
    """The Python attribute behind a C++ signature; overloads name theirs, else it is the signal's name."""
    for base in cls.__mro__:
        if normal in base.__dict__.get("overloads", {}):
            return base.__dict__["overloads"][normal]
    return normal.split("(")[0]


def connect(self, signature, slot, slotName=None, *rest):
    """PythonQt's connect: True, or False and a printed line when there is no such signal."""
    if isinstance(signature, QtCore.QObject):  # SignalInstance.connect comes through here
        return rawConnect(signature, slot, slotName, *rest)
    normal, signal = findSignal(self, signature)
    if normal is None:
        log.error("QObject::connect: no signal %s on %s", signature, type(self).__name__)
        return False
    if slotName is not None:
        slot = getattr(slot, slotName.split("(")[0])
    if signal is not None:
        signal.connect(slot)
    else:
        rawConnect(self, QtCore.SIGNAL(normal), slot)
    return True


def disconnect(self, signature=None, slot=None, *rest):
    """PythonQt's disconnect: True when something was connected that no longer is."""
    if isinstance(signature, QtCore.QObject):
        return rawDisconnect(signature, slot, *rest)
    normal, signal = findSignal(self, signature)
    if normal is None:
        log.error("QObject::disconnect: no signal %s on %s", signature, type(self).__name__)
        return False
    try:
        undo(self, normal, signal, slot)
    except (RuntimeError, TypeError):  # PySide6's way to say that it was not connected
        return False
    return True


def undo(instance, normal, signal, slot):
    """Disconnect one slot, or all of a signal's."""
    if signal is None:
        rawDisconnect(instance, QtCore.SIGNAL(normal), slot)
    elif slot is None:
        signal.disconnect()
    else:
        signal.disconnect(slot)
