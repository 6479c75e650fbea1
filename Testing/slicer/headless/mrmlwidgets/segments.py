"""qMRMLSegmentSelectorWidget: choice of a segmentation and of segments in it."""

from PySide6 import QtWidgets
from PySide6.QtCore import Signal

from headless.declare import stored

from .nodecombo import qMRMLNodeComboBox


class qMRMLSegmentSelectorWidget(QtWidgets.QWidget):
    """A node selector with a list of segments below."""

    currentNodeChanged = Signal(object)
    currentSegmentChanged = Signal(str)
    segmentSelectionChanged = Signal(list)
    cppSignals = (
        "currentNodeChanged(vtkMRMLNode*)",
        "currentSegmentChanged(QString)",
        "segmentSelectionChanged(QStringList)",
    )

    def __init__(self, parent=None):
        super().__init__(parent)
        self._selector = qMRMLNodeComboBox(self)
        self._selector.nodeTypes = ("vtkMRMLSegmentationNode",)
        self._selector.addEnabled = False
        QtWidgets.QVBoxLayout(self).addWidget(self._selector)
        self._selected = ()
        self._selector.currentNodeChanged.connect(self._onNodeChanged)

    multiSelection = stored(bool, "multiSelection", False)
    noneEnabled = stored(bool, "noneEnabled", False, lambda self, value: setattr(self._selector, "noneEnabled", value))

    def setMRMLScene(self, scene):
        """Slot of the scene."""
        self._selector.setMRMLScene(scene)

    def currentNode(self):
        """The segmentation, or None."""
        return self._selector.currentNode()

    def setCurrentNode(self, node):
        """Choose the segmentation."""
        self._selector.setCurrentNode(node)

    def segmentIDs(self):
        """All segments of the segmentation."""
        node = self.currentNode()
        return tuple(node.GetSegmentation().GetSegmentIDs()) if node else ()

    def currentSegmentID(self):
        """The first selected segment, or ""."""
        return self._selected[0] if self._selected else ""

    def setCurrentSegmentID(self, segmentID):
        """Select one segment."""
        self.setSelectedSegmentIDs([segmentID])
        self.currentSegmentChanged.emit(self.currentSegmentID())

    def selectedSegmentIDs(self):
        """The selected segments."""
        return self._selected

    def setSelectedSegmentIDs(self, segmentIDs):
        """Select segments; unknown ones are left out."""
        known = self.segmentIDs()
        self._selected = tuple(segmentID for segmentID in segmentIDs if segmentID in known)
        self.segmentSelectionChanged.emit(list(self._selected))

    def _onNodeChanged(self, node):
        self.setSelectedSegmentIDs(self.segmentIDs()[:1])
        self.currentNodeChanged.emit(node)
