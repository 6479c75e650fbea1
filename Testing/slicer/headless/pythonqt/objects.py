"""Methods that PythonQt gives every QObject, and the sequences it returns as tuples."""

from PySide6 import QtCore

QObject = QtCore.QObject
rawChildren = QObject.children
rawDynamicNames = QObject.dynamicPropertyNames
rawFindChild = QObject.findChild
rawFindChildren = QObject.findChildren


def children(self):
    """All direct children, as a tuple."""
    return tuple(rawChildren(self))


def dynamicPropertyNames(self):
    """Names of the properties set with setProperty, as a tuple of QByteArray."""
    return tuple(rawDynamicNames(self))


def findChild(self, wanted=QObject, name=""):
    """The first child of a class (a class, its Qt name or an object name alone), or None."""
    cls, name = classAndName(wanted, name)
    return rawFindChild(self, cls, name) if name else rawFindChild(self, cls)


def findChildren(self, wanted=QObject, name=""):
    """All children of a class, as a tuple."""
    cls, name = classAndName(wanted, name)
    return tuple(rawFindChildren(self, cls, name) if name else rawFindChildren(self, cls))


def classAndName(wanted, name):
    """PythonQt takes a class, or a string that is an object name."""
    return (wanted, name) if isinstance(wanted, type) else (QObject, wanted)


def exposeObjectMethods():
    """Put the methods on QObject."""
    QObject.children = children
    QObject.dynamicPropertyNames = dynamicPropertyNames
    QObject.findChild = findChild
    QObject.findChildren = findChildren
    QObject.name = property(lambda self: self.objectName, lambda self, value: setattr(self, "objectName", value))
    QObject.className = lambda self: type(self).staticMetaObject.className()
    QObject.delete = lambda self: self.deleteLater()
    QtCore.QByteArray.__repr__ = lambda self: f"QByteArray ({bytes(self).decode(errors='replace')},)"
