"""How values cross from Qt to Python in PythonQt."""

import enum

MISSING = object()


def toPythonQt(value):
    """Lists, and lists inside them, come back as tuples; everything else as it is."""
    if type(value) is list:
        return tuple(toPythonQt(item) for item in value)
    return value


def findMember(cls, name):
    """The class attribute `name` as it lies in the class dictionaries, no descriptor called; MISSING if absent."""
    for base in cls.__mro__:
        if name in base.__dict__:
            return base.__dict__[name]
    return MISSING


def showEnumsAsNumbers(cls):
    """PythonQt's enumeration values are ints that print as such, compare with ints and convert to int."""
    if not (isinstance(cls, type) and issubclass(cls, enum.Enum)) or issubclass(cls, str):
        return
    type.__setattr__(cls, "__repr__", lambda self: repr(self.value))
    type.__setattr__(cls, "__str__", lambda self: str(self.value))
    type.__setattr__(cls, "__int__", lambda self: self.value)
    type.__setattr__(cls, "__index__", lambda self: self.value)
    if not issubclass(cls, int):
        type.__setattr__(cls, "__eq__", equalToNumber)
        type.__setattr__(cls, "__hash__", lambda self: hash(self.value))


def equalToNumber(self, other):
    """An enumeration value equals itself and the bare number."""
    if isinstance(other, enum.Enum):
        return type(self) is type(other) and self.value == other.value
    return isinstance(other, int) and self.value == other
