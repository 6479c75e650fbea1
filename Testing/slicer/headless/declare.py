"""How stand-in widgets declare the Q_PROPERTYs of the real ones."""

from PySide6.QtCore import Property


def stored(typeName, name, default, changed=None):
    """A property kept in the widget itself; `changed(widget, value)` is called when a new value has been written."""
    key = "_" + name

    def read(self):
        return self.__dict__.get(key, default)

    def write(self, value):
        if read(self) != value:
            self.__dict__[key] = value
            if changed is not None:
                changed(self, value)

    return Property(typeName, read, write)


def forwarded(typeName, childName, name):
    """A property of a child widget, shown as the widget's own."""

    def read(self):
        return getattr(self.__dict__[childName], name)

    def write(self, value):
        setattr(self.__dict__[childName], name, value)

    return Property(typeName, read, write)
