"""Slicer's own widgets (qMRML*, qSlicer*), bound to the real MRML scene."""

from .base import qMRMLWidget, qSlicerWidget
from .checkable import qMRMLCheckableNodeComboBox
from .module import qSlicerScriptedLoadableModuleWidget
from .nodecombo import qMRMLNodeComboBox
from .numeric import qMRMLCollapsibleButton, qMRMLSliderWidget, qMRMLSpinBox
from .segments import qMRMLSegmentSelectorWidget
from .treeview import qMRMLSubjectHierarchyTreeView

__all__ = [
    "qMRMLCheckableNodeComboBox",
    "qMRMLCollapsibleButton",
    "qMRMLNodeComboBox",
    "qMRMLSegmentSelectorWidget",
    "qMRMLSliderWidget",
    "qMRMLSpinBox",
    "qMRMLSubjectHierarchyTreeView",
    "qMRMLWidget",
    "qSlicerScriptedLoadableModuleWidget",
    "qSlicerWidget",
]
