"""Which nodes of the scene a selector shows, kept up to date."""

import weakref
from dataclasses import dataclass

import shiboken6

import slicer

SCENE_EVENTS = (
    slicer.vtkMRMLScene.NodeAddedEvent,
    slicer.vtkMRMLScene.NodeRemovedEvent,
    slicer.vtkMRMLScene.EndCloseEvent,
    slicer.vtkMRMLScene.EndBatchProcessEvent,
)


@dataclass(frozen=True)
class NodeFilter:
    """What a selector lets through."""

    nodeTypes: tuple[str, ...] = ()
    hideChildNodeTypes: tuple[str, ...] = ()
    showChildNodeTypes: bool = True
    showHidden: bool = False
    attributes: tuple[tuple[str, str, object], ...] = ()  # node class, attribute name, wanted value or None for any

    def accepts(self, node):
        """Whether a node is shown."""
        if node.GetHideFromEditors() and not self.showHidden:
            return False
        if any(node.IsA(className) for className in self.hideChildNodeTypes):
            return False
        return any(self.matches(node, className) for className in self.nodeTypes) and self.hasAttributes(node)

    def matches(self, node, className):
        """Whether the class fits, derived classes included when they are shown."""
        return node.GetClassName() == className or (self.showChildNodeTypes and node.IsA(className))

    def hasAttributes(self, node):
        """Whether the node has every attribute asked of its class."""
        return all(
            node.GetAttribute(name) is not None and (value in (None, "") or node.GetAttribute(name) == str(value))
            for className, name, value in self.attributes
            if node.IsA(className)
        )

    def nodesOf(self, scene):
        """The accepted nodes in the scene's order."""
        if scene is None:
            return ()
        nodes = (scene.GetNthNode(index) for index in range(scene.GetNumberOfNodes()))
        return tuple(node for node in nodes if self.accepts(node))


class SceneWatch:
    """Calls a widget's method when the scene's nodes change; holds the widget weakly, as the scene outlives it."""

    def __init__(self, widget, method):
        self.widget = weakref.ref(widget)
        self.method = weakref.WeakMethod(method)
        self.scene = None
        self.tags = []

    def follow(self, scene):
        """Watch another scene, or none."""
        self.stop()
        self.scene = scene
        if scene is not None:
            self.tags = [scene.AddObserver(event, self.onSceneEvent) for event in SCENE_EVENTS]

    def stop(self):
        """Watch nothing any more."""
        for tag in self.tags:
            self.scene.RemoveObserver(tag)
        self.tags = []

    def onSceneEvent(self, caller, event):
        """Pass the event on while the widget lives."""
        widget, method = self.widget(), self.method()
        if widget is None or not shiboken6.isValid(widget):
            self.stop()
        elif not caller.IsClosing() and not caller.IsBatchProcessing():
            method()
