"""Reading and writing attributes of Qt objects the way PythonQt does."""

import functools
import sys
import types

from PySide6 import QtCore

from headless.realapi import findClass

from .properties import writeProperty
from .signals import SignalFunction, connect, disconnect
from .values import MISSING, findMember, toPythonQt

CPP_CLASSES = ("PySide6.", "headless.")  # what stands for a C++ class; a script's own subclasses may take attributes


def makeGetAttribute(raw):
    """PySide6 resolves `connect` before it looks into the class, so a method put there would never be met."""

    def getAttribute(self, name):
        if name == "connect":
            return types.MethodType(connect, self)
        if name == "disconnect":
            return types.MethodType(disconnect, self)
        refused = isUnknownInSlicer(type(self), name) and isWrittenBy(sys._getframe(1), name)
        if refused and (isCppClass(type(self)) or name not in raw(self, "__dict__")):
            raise AttributeError(f"{type(self).__name__} has no attribute named '{name}' in Slicer")
        value = raw(self, name)
        if type(value) is QtCore.SignalInstance:
            return SignalFunction(self, name, value)
        return toPythonQt(value) if type(value) is list and not name.startswith("_") else value

    return getAttribute


def setAttribute(self, name, value):
    """Properties are written, unknown names refused on C++ classes, anything allowed on a script's own class."""
    member = findMember(type(self), name)
    if isUnknownInSlicer(type(self), name):
        member = MISSING
    if isinstance(member, QtCore.Property):
        setDeclaredProperty(self, member, name, value)
    elif member is not MISSING and hasattr(type(member), "__set__"):
        member.__set__(self, value)
    elif isCppClass(type(self)) and not name.startswith("_"):
        setOnCppObject(self, member, name, value)
    else:
        self.__dict__[name] = value


def setDeclaredProperty(instance, member, name, value):
    """Write a property that a stand-in widget declares in Python."""
    if member.fset is None:
        raise AttributeError(f"Property '{name}' of {type(instance).__name__} object is not writable")
    member.fset(instance, value)


@functools.cache
def isUnknownInSlicer(cls, name):
    """Whether the real class lacks a public attribute that PySide6's or the stand-in may have.

    Classes of scripts have what they declare; classes that the record of the real Slicer does not know are let pass.
    """
    if name.startswith("_"):
        return False
    for base in cls.__mro__:
        if not isCppClass(base):
            if name in base.__dict__:
                return False
        elif findClass(base.__name__) is not None:
            return not findClass(base.__name__).has(name)
        elif name in base.__dict__:
            return False
    return False


def isWrittenBy(frame, name):
    """Whether a script's code has `.name` in it: PySide6 itself looks up virtual functions that scripts never see."""
    return name in frame.f_code.co_names and not frame.f_globals.get("__name__", "").startswith(CPP_CLASSES)


def setOnCppObject(instance, member, name, value):
    """A C++ object takes its dynamic properties only; its methods cannot be replaced."""
    className = type(instance).__name__
    if member is not MISSING:
        raise AttributeError(f"Slot '{name}' can not be overwritten on {className} object")
    if name.encode() not in [bytes(known) for known in instance.dynamicPropertyNames()]:
        raise AttributeError(
            f"'{name}' does not exist on {className} and creating new attributes on C++ objects is not allowed"
        )
    writeProperty(instance, name, value)


def isCppClass(cls):
    """Whether objects of exactly this class stand for plain C++ objects."""
    return cls.__module__.startswith(CPP_CLASSES)
