"""`connect("clicked(bool)", slot)`: signals by C++ signature, with PythonQt's answers True and False."""

import functools
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
    if type(instance).staticMetaObject.indexOfSignal(normal) >= 0:
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
        return undo(self, normal, signal, slot) is not False
    except (RuntimeError, TypeError):  # PySide6's other way to say that it was not connected
        return False


class SignalFunction:
    """`button.clicked`: the signal with all its arguments, `clicked(bool)`, where PySide6 would choose by the slot."""

    def __init__(self, owner, name, signal):
        self.owner = owner
        self.name = name
        self.signal = signal

    def connect(self, slot):
        """Connect a callable or another signal."""
        signature = fullSignature(type(self.owner), self.name)
        if isinstance(slot, SignalFunction):
            self.signal.connect(slot.signal)
        elif signature is None:
            self.signal.connect(slot)
        else:
            rawConnect(self.owner, QtCore.SIGNAL(signature), slot)
        return True

    def disconnect(self, slot=None):
        """Disconnect a callable, another signal, or everything."""
        if slot is None:
            self.signal.disconnect()
        elif isinstance(slot, SignalFunction):
            self.signal.disconnect(slot.signal)
        elif fullSignature(type(self.owner), self.name) is None:
            self.signal.disconnect(slot)
        else:
            rawDisconnect(self.owner, QtCore.SIGNAL(fullSignature(type(self.owner), self.name)), slot)
        return True

    def emit(self, *values):
        """Emit the signal."""
        self.signal.emit(*values)


@functools.cache
def fullSignature(cls, name):
    """The C++ signature with most arguments; None for a signal declared in Python.

    The class is asked, not the object: PySide6 loses the meta objects of objects that are gone and may mix them up.
    """
    if name in declaredNames(cls):
        return None
    meta = cls.staticMetaObject
    methods = [meta.method(index) for index in range(meta.methodCount())]
    methods = [method for method in methods if bytes(method.name()).decode() == name]
    best = max(methods, key=lambda method: method.parameterCount())
    return bytes(best.methodSignature()).decode()


def declaredNames(cls):
    """Names of the signals that a stand-in widget declares in Python."""
    bases = [base for base in cls.__mro__ if not base.__module__.startswith(("PySide6.", "Shiboken"))]
    return {name for base in bases for name, value in vars(base).items() if isinstance(value, QtCore.Signal)}


def undo(instance, normal, signal, slot):
    """Disconnect one slot, or all of a signal's; False when nothing was connected."""
    if signal is None:
        return rawDisconnect(instance, QtCore.SIGNAL(normal), slot)
    return signal.disconnect(slot)
