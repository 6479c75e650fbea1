"""One parameter: its type, default and checks, and how it lies in the parameter node."""

import enum
import pathlib
import types
import typing
from dataclasses import dataclass

import slicer

from .annotations import Choice, Default, Validator

SIMPLE_DEFAULTS = {bool: False, int: 0, float: 0.0, str: "", pathlib.Path: pathlib.Path()}
MISSING = object()


@dataclass(frozen=True)
class Parameter:
    """A typed value under a name."""

    name: str
    type: type
    optional: bool
    annotations: tuple
    default: object

    @property
    def isNode(self):
        """Whether it refers to an MRML node."""
        return issubclass(self.type, slicer.vtkMRMLNode)

    def isIn(self, node):
        """Whether the parameter node has it."""
        return node.HasNodeReferenceID(self.name, None) if self.isNode else node.HasParameter(self.name)

    def read(self, node):
        """The value in the parameter node."""
        if self.isNode:
            return node.GetNodeReference(self.name)
        if not node.HasParameter(self.name):
            return self.default
        return self.parse(node.GetParameter(self.name))

    def parse(self, text):
        """The value that a text stands for."""
        if self.optional and text == "None":
            return None
        if self.type is bool:
            return text.lower() == "true"
        return self.type[text] if issubclass(self.type, enum.Enum) else self.type(text)

    def write(self, node, value):
        """Check the value and put it into the parameter node."""
        value = self.checked(value)
        if self.isNode:
            node.SetNodeReferenceID(self.name, value.GetID() if value is not None else None)
        else:
            node.SetParameter(self.name, value.name if isinstance(value, enum.Enum) else str(value))

    def checked(self, value):
        """The value in the parameter's type; TypeError or ValueError when it does not fit."""
        if value is None and (self.optional or self.isNode):
            return None
        if self.type is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if not isinstance(value, self.type) or (self.type is not bool and isinstance(value, bool)):
            raise TypeError(f"{self.name} takes {self.type.__name__}, got {type(value).__name__}: {value!r}")
        for annotation in self.annotations:
            if isinstance(annotation, Validator):
                annotation.validate(value)
        return value


def parameterFrom(name, hint, assigned=MISSING):
    """The parameter that a class attribute `name: hint = assigned` describes."""
    annotations = ()
    if typing.get_origin(hint) is typing.Annotated:
        hint, annotations = hint.__origin__, hint.__metadata__
    valueType, optional = withoutNone(hint)
    if not isinstance(valueType, type) or not isSupported(valueType):
        raise TypeError(f"the headless Slicer's parameterNodeWrapper has no type {hint!r} ({name})")
    return Parameter(name, valueType, optional, annotations, defaultOf(valueType, optional, annotations, assigned))


def withoutNone(hint):
    """(type, whether None is allowed)."""
    if typing.get_origin(hint) not in (typing.Union, types.UnionType):
        return hint, False
    kept = [item for item in typing.get_args(hint) if item is not type(None)]
    return (kept[0] if len(kept) == 1 else hint), len(kept) < len(typing.get_args(hint))


def isSupported(valueType):
    """Whether values of a type can be kept."""
    return valueType in SIMPLE_DEFAULTS or issubclass(valueType, (enum.Enum, slicer.vtkMRMLNode))


def defaultOf(valueType, optional, annotations, assigned):
    """Assigned value, then Default, then the first choice, then the type's own."""
    if assigned is not MISSING:
        return assigned
    for annotation in annotations:
        if isinstance(annotation, Default):
            return annotation.value
    for annotation in annotations:
        if isinstance(annotation, Choice):
            return annotation.choices[0]
    if optional or issubclass(valueType, slicer.vtkMRMLNode):
        return None
    return next(iter(valueType)) if issubclass(valueType, enum.Enum) else SIMPLE_DEFAULTS[valueType]
