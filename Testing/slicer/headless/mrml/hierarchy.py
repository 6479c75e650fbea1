"""Subject hierarchy items for data nodes: in Slicer a Qt plugin makes them, here an observer of the scene does."""

import vtk

import slicer

SHOWN = (
    "vtkMRMLDisplayableNode",
    "vtkMRMLTableNode",
    "vtkMRMLTextNode",
    "vtkMRMLSequenceNode",
    "vtkMRMLSequenceBrowserNode",
)


class SubjectHierarchyMirror:
    """Adds an item when a data node appears and removes it before the node goes."""

    def __init__(self, scene):
        self.scene = scene
        self.hierarchy()  # makes the subject hierarchy node, which is never absent in Slicer
        scene.AddObserver(slicer.vtkMRMLScene.EndCloseEvent, lambda caller, event: self.hierarchy())
        scene.AddObserver(slicer.vtkMRMLScene.NodeAddedEvent, self.onNodeAdded)
        scene.AddObserver(slicer.vtkMRMLScene.NodeAboutToBeRemovedEvent, self.onNodeAboutToBeRemoved)

    def hierarchy(self):
        """The scene's subject hierarchy node; made anew when there is none."""
        return slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(self.scene)

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def onNodeAdded(self, caller, event, node):
        """Create the item of a node that users see."""
        if node.GetHideFromEditors() or not any(node.IsA(className) for className in SHOWN):
            return
        hierarchy = self.hierarchy()
        if not hierarchy.GetItemByDataNode(node):
            hierarchy.CreateItem(hierarchy.GetSceneItemID(), node)

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def onNodeAboutToBeRemoved(self, caller, event, node):
        """Remove the item first: otherwise the hierarchy complains about its node cache."""
        if self.scene.IsClosing() or node.IsA("vtkMRMLSubjectHierarchyNode"):
            return
        hierarchy = self.hierarchy()
        item = hierarchy.GetItemByDataNode(node)
        if item:
            hierarchy.RemoveItem(item, False, False)
