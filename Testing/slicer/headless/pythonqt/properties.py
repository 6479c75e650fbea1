"""Q_PROPERTYs as attributes: `label.text`, `label.enabled = False`, never `label.text()`."""

import types

from PySide6 import QtCore

from .values import toPythonQt

readProperty = QtCore.QObject.property
writeProperty = QtCore.QObject.setProperty


class PropertyAttribute:
    """One Q_PROPERTY; the method of its name, which PythonQt hides, is kept for values that QVariant cannot hold."""

    def __init__(self, name, method, setter, writable):
        self.name = name
        self.method = method
        self.setter = setter
        self.writable = writable
        self.reading = set()  # ids of the objects whose property is being read

    def __get__(self, instance, owner=None):
        if instance is None:  # the class keeps its statics, such as QTimer.singleShot
            return self.method if self.method is not None else self
        if id(instance) in self.reading:  # a virtual getter asks Python for an override: there is none
            return self.method.__get__(instance, owner)
        self.reading.add(id(instance))
        try:
            return toPythonQt(self.read(instance))
        finally:
            self.reading.discard(id(instance))

    def read(self, instance):
        """The value as Qt has it."""
        value = readProperty(instance, self.name)
        return self.method(instance) if value is None and callable(self.method) else value

    def __set__(self, instance, value):
        if not self.writable:
            raise AttributeError(f"Property '{self.name}' of {type(instance).__name__} object is not writable")
        if self.setter is not None:
            self.setter(instance, value)
        elif not writeProperty(instance, self.name, value):
            raise AttributeError(f"Property '{self.name}' of {type(instance).__name__} object cannot take {value!r}")


def exposeProperties(cls):
    """Give `cls` an attribute for each Q_PROPERTY that it declares itself (its bases have theirs already)."""
    meta = cls.staticMetaObject
    for index in range(meta.propertyOffset(), meta.propertyCount()):
        described = meta.property(index)
        name = described.name()
        method = getattr(cls, name, None)
        setter = instanceMethod(cls, "set" + name[0].upper() + name[1:])
        setattr(cls, name, PropertyAttribute(name, method, setter, described.isWritable()))


def instanceMethod(cls, name):
    """The method, or None when there is none or it is static (QCoreApplication's are)."""
    method = getattr(cls, name, None)
    return None if isinstance(method, types.BuiltinFunctionType) else method
