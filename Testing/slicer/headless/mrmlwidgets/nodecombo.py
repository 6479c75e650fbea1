"""qMRMLNodeComboBox: choice of one node of the scene."""

import dataclasses

from PySide6 import QtWidgets
from PySide6.QtCore import Property, Signal

import slicer
from headless.declare import stored

from .nodelist import NodeFilter, SceneWatch


def filterProperty(typeName, name, convert):
    """A property that is part of the node filter."""

    def read(self):
        value = getattr(self._filter, name)
        return list(value) if typeName == "QStringList" else value

    def write(self, value):
        self._filter = dataclasses.replace(self._filter, **{name: convert(value)})
        self._onSceneChanged()

    return Property(typeName, read, write)


def showAgain(self, value):
    """The list of choices changed; the choice did not."""
    self._showNodes()


class qMRMLNodeComboBox(QtWidgets.QWidget):
    """Choice of one node, as probed in Slicer.

    A node added later is not selected; an existing one is, when the scene is set and none is not allowed. When the
    current node goes, another takes its place even where none is allowed. Without a scene the widget is disabled.
    """

    currentNodeChanged = Signal(object)
    _currentNodeSet = Signal(bool)
    currentNodeIDChanged = Signal(str)
    nodeAdded = Signal(object)
    nodeAddedByUser = Signal(object)
    nodeActivated = Signal(object)
    cppSignals = (
        "currentNodeChanged(vtkMRMLNode*)",
        "currentNodeChanged(bool)",
        "currentNodeIDChanged(QString)",
        "nodeAdded(vtkMRMLNode*)",
        "nodeAddedByUser(vtkMRMLNode*)",
        "nodeActivated(vtkMRMLNode*)",
    )
    overloads = {"currentNodeChanged(bool)": "_currentNodeSet"}  # noqa: RUF012

    def __init__(self, parent=None):
        super().__init__(parent)
        self._combo = QtWidgets.QComboBox()
        column = QtWidgets.QHBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._combo)
        self._filter = NodeFilter()
        self._nodes = ()
        self._current = None
        self._watch = SceneWatch(self, self._onSceneChanged)
        self._combo.activated.connect(self._onActivated)
        self.enabled = False

    nodeTypes = filterProperty("QStringList", "nodeTypes", lambda names: tuple(str(name) for name in names))
    hideChildNodeTypes = filterProperty("QStringList", "hideChildNodeTypes", tuple)
    showChildNodeTypes = filterProperty(bool, "showChildNodeTypes", bool)
    showHidden = filterProperty(bool, "showHidden", bool)
    noneEnabled = stored(bool, "noneEnabled", False, showAgain)
    noneDisplay = stored(str, "noneDisplay", "None", showAgain)
    addEnabled = stored(bool, "addEnabled", True, showAgain)
    removeEnabled = stored(bool, "removeEnabled", True)
    editEnabled = stored(bool, "editEnabled", False)
    renameEnabled = stored(bool, "renameEnabled", False)
    selectNodeUponCreation = stored(bool, "selectNodeUponCreation", True)
    baseName = stored(str, "baseName", "")
    interactionNodeSingletonTag = stored(str, "interactionNodeSingletonTag", "")
    currentNodeID = Property(
        str,
        lambda self: self._current.GetID() if self._current else "",
        lambda self, value: self.setCurrentNodeID(value),
    )

    def mrmlScene(self):
        """The scene, or None."""
        return self._watch.scene

    def setMRMLScene(self, scene):
        """Slot of the scene; selects the first node when none is not allowed."""
        if scene is self._watch.scene:
            return
        self._watch.follow(scene)
        self.enabled = scene is not None
        self._onSceneChanged()
        if self._current is None and not self.noneEnabled and self._nodes:
            self._choose(self._nodes[0])

    def addAttribute(self, nodeType, name, value=None):
        """Show only nodes of a class that have an attribute, with a value when one is given."""
        self._filter = dataclasses.replace(self._filter, attributes=(*self._filter.attributes, (nodeType, name, value)))
        self._onSceneChanged()

    def removeAttribute(self, nodeType, name):
        """Undo addAttribute."""
        kept = tuple(row for row in self._filter.attributes if row[:2] != (nodeType, name))
        self._filter = dataclasses.replace(self._filter, attributes=kept)
        self._onSceneChanged()

    def nodeCount(self):
        """How many nodes can be chosen."""
        return len(self._nodes)

    def nodeFromIndex(self, index):
        """The node at a position of the list, or None."""
        return self._nodes[index] if 0 <= index < len(self._nodes) else None

    def currentNode(self):
        """The chosen node, or None."""
        return self._current

    def setCurrentNode(self, node):
        """Choose a node (or its ID); one that is not in the list means none."""
        if isinstance(node, str):
            node = self._watch.scene.GetNodeByID(node) if self._watch.scene else None
        self._choose(node if node in self._nodes else None)

    def setCurrentNodeID(self, nodeID):
        """Choose a node by its ID; "" or None means none."""
        self.setCurrentNode(nodeID or None)

    def setCurrentNodeIndex(self, index):
        """Choose a node by its position."""
        self._choose(self.nodeFromIndex(index))

    def addNode(self, nodeType=None):
        """Create a node as the user does with "Create new"; returns it."""
        className = nodeType or self._filter.nodeTypes[0]
        base = self.baseName or slicer.mrmlScene.CreateNodeByClass(className).GetNodeTagName()
        name = self._watch.scene.GetUniqueNameByString(base)
        node = self._watch.scene.AddNewNodeByClass(className, name)
        self.nodeAddedByUser.emit(node)
        if self.selectNodeUponCreation:
            self._choose(node)
        return node

    def removeCurrentNode(self):
        """Remove the chosen node from the scene."""
        if self._current is not None:
            self._watch.scene.RemoveNode(self._current)

    def _onSceneChanged(self):
        before, self._nodes = self._nodes, self._filter.nodesOf(self._watch.scene)
        if self._current is not None and self._current not in self._nodes:
            self._choose(self._neighbour(before))
        self._showNodes()
        for node in self._nodes:
            if node not in before:
                self.nodeAdded.emit(node)

    def _neighbour(self, before):
        position = before.index(self._current) if self._current in before else 0
        return self._nodes[max(0, min(position - 1, len(self._nodes) - 1))] if self._nodes else None

    def _showNodes(self):
        self._combo.blockSignals(True)
        self._combo.clear()
        if self.noneEnabled:
            self._combo.addItem(self.noneDisplay)
        for node in self._nodes:
            self._combo.addItem(node.GetName() or "")
        if self.addEnabled and self._filter.nodeTypes:
            self._combo.addItem("Create new")
        self._combo.blockSignals(False)
        self._showCurrent()

    def _showCurrent(self):
        first = 1 if self.noneEnabled else 0
        row = first + self._nodes.index(self._current) if self._current in self._nodes else first - 1
        self._combo.blockSignals(True)
        self._combo.currentIndex = row
        self._combo.blockSignals(False)

    def _choose(self, node):
        if node is self._current:
            return
        self._current = node
        self._showCurrent()
        self.currentNodeChanged.emit(node)
        self._currentNodeSet.emit(node is not None)
        self.currentNodeIDChanged.emit(self.currentNodeID)

    def _onActivated(self, row):
        index = row - (1 if self.noneEnabled else 0)
        if index >= len(self._nodes):
            self.addNode()
            return
        self._choose(self.nodeFromIndex(index))
        self.nodeActivated.emit(self._current)
