"""qMRMLCheckableNodeComboBox: choice of any number of nodes."""

from PySide6 import QtCore
from PySide6.QtCore import Signal

from .nodecombo import qMRMLNodeComboBox

Checked, Unchecked = QtCore.Qt.CheckState.Checked, QtCore.Qt.CheckState.Unchecked


class qMRMLCheckableNodeComboBox(qMRMLNodeComboBox):
    """Nodes have ticks; none is ticked at first."""

    checkedNodesChanged = Signal()
    cppSignals = ("checkedNodesChanged()",)

    def __init__(self, parent=None):
        self._checkedIDs = frozenset()
        super().__init__(parent)

    def checkedNodes(self):
        """The ticked nodes."""
        return tuple(node for node in self._nodes if node.GetID() in self._checkedIDs)

    def uncheckedNodes(self):
        """The other nodes."""
        return tuple(node for node in self._nodes if node.GetID() not in self._checkedIDs)

    def allChecked(self):
        """Whether every node is ticked."""
        return not self.uncheckedNodes()

    def noneChecked(self):
        """Whether no node is ticked."""
        return not self.checkedNodes()

    def checkState(self, node):
        """Checked or Unchecked."""
        return Checked if node.GetID() in self._checkedIDs else Unchecked

    def setCheckState(self, node, state):
        """Tick or untick a node."""
        if self.checkState(node) != state:
            changed = {node.GetID()}
            self._checkedIDs = self._checkedIDs | changed if Checked == state else self._checkedIDs - changed
            self.checkedNodesChanged.emit()

    def check(self, node):
        """Tick a node."""
        self.setCheckState(node, Checked)

    def uncheck(self, node):
        """Untick a node."""
        self.setCheckState(node, Unchecked)

    def _onSceneChanged(self):
        super()._onSceneChanged()
        kept = self._checkedIDs & {node.GetID() for node in self._nodes}
        if kept != self._checkedIDs:
            self._checkedIDs = kept
            self.checkedNodesChanged.emit()
