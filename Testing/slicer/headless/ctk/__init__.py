"""The module `ctk`: stand-ins with the properties, slots and signals that panels use, and no name that CTK lacks."""

from .buttons import (
    ctkCheckableComboBox,
    ctkCheckablePushButton,
    ctkCheckBox,
    ctkColorPickerButton,
    ctkComboBox,
    ctkDirectoryButton,
    ctkExpandButton,
    ctkMenuButton,
    ctkPushButton,
)
from .collapsible import ctkCollapsibleButton, ctkCollapsibleGroupBox, ctkExpandableWidget
from .numeric import ctkDoubleSlider, ctkDoubleSpinBox, ctkSliderWidget
from .path import ctkPathLineEdit
from .ranges import ctkDoubleRangeSlider, ctkRangeWidget
from .text import ctkFittedTextBrowser, ctkMessageBox, ctkSearchBox

__all__ = [
    "ctkCheckBox",
    "ctkCheckableComboBox",
    "ctkCheckablePushButton",
    "ctkCollapsibleButton",
    "ctkCollapsibleGroupBox",
    "ctkColorPickerButton",
    "ctkComboBox",
    "ctkDirectoryButton",
    "ctkDoubleRangeSlider",
    "ctkDoubleSlider",
    "ctkDoubleSpinBox",
    "ctkExpandButton",
    "ctkExpandableWidget",
    "ctkFittedTextBrowser",
    "ctkMenuButton",
    "ctkMessageBox",
    "ctkPathLineEdit",
    "ctkPushButton",
    "ctkRangeWidget",
    "ctkSearchBox",
    "ctkSliderWidget",
]
