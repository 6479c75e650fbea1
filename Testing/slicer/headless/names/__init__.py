"""Static check: does every name that a panel uses exist in the real Slicer?"""

from .panelfile import panelProblems, panelWidgets
from .script import scriptProblems

__all__ = ["panelProblems", "panelWidgets", "scriptProblems"]
