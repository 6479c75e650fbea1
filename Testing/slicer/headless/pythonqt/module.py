"""Assembly of the module `qt`."""

import types

from PySide6 import QtCore, QtGui, QtNetwork, QtUiTools, QtWidgets

from .attributes import makeGetAttribute, setAttribute
from .objects import exposeObjectMethods
from .properties import exposeProperties
from .settings import exposeSettings
from .timers import exposeSingleShot
from .values import showEnumsAsNumbers

QT_MODULES = (QtCore, QtGui, QtWidgets, QtUiTools, QtNetwork)


def makeQtModule():
    """The module object to be put at sys.modules["qt"]; changes PySide6's classes in place, once per process."""
    qt = types.ModuleType("qt")
    for source in QT_MODULES:
        for name in dir(source):
            if not name.startswith("_"):
                setattr(qt, name, getattr(source, name))
    changeClasses()
    exposeSettings()
    exposeSingleShot()
    return qt


def changeClasses():
    """Give every Qt class PythonQt's semantics, bases first."""
    classes = [QtCore.QObject, *sorted(subclassesOf(QtCore.QObject), key=lambda cls: len(cls.__mro__))]
    classes = [cls for cls in classes if cls.__module__.startswith("PySide6.")]
    for cls in classes:
        exposeProperties(cls)
    for cls in classes:
        changeAttributeAccess(cls)
    exposeObjectMethods()
    for cls in [QtCore.Qt, *allClasses()]:
        for member in list(vars(cls).values()):
            showEnumsAsNumbers(member)


def changeAttributeAccess(cls):
    """Classes with their own access slots would bypass those of QObject."""
    own = cls.__dict__
    if cls is QtCore.QObject or "__getattribute__" in own:
        cls.__getattribute__ = makeGetAttribute(cls.__getattribute__)
    if cls is QtCore.QObject or "__setattr__" in own:
        cls.__setattr__ = setAttribute


def subclassesOf(cls):
    """All direct and indirect subclasses."""
    found = set()
    for child in cls.__subclasses__():
        found |= {child} | subclassesOf(child)
    return found


def allClasses():
    """Every class of the Qt modules, QObject or not."""
    return [value for source in QT_MODULES for value in vars(source).values() if isinstance(value, type)]
