"""slicer.parameterNodeWrapper: typed attributes kept in a parameter node, and their connection to widgets.

Types: bool, int, float, str, pathlib.Path, enums, MRML node classes, and Optional of these. Anything else is refused.
"""

from .annotations import Choice, Decimals, Default, Label, Maximum, Minimum, RangeBounds, SingleStep, WithinRange
from .wrapper import parameterNodeWrapper

__all__ = [
    "Choice",
    "Decimals",
    "Default",
    "Label",
    "Maximum",
    "Minimum",
    "RangeBounds",
    "SingleStep",
    "WithinRange",
    "parameterNodeWrapper",
]
