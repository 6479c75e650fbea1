"""The nodes of a registration: what they are linked to, and what lies under its transforms."""

import contextlib
from collections.abc import Iterator

import vtk

import slicer

INVERSE_ROLE = "inverseTransform"
FORMER_PARENT_ROLE = "SITRegFormerParent"  # of a volume: the transform it was under before
PUT_UNDER_ATTRIBUTE = "SITReg.PutUnder"  # of a node: it was put under a transform here, and can be taken out again
STAND_IN_ATTRIBUTE = "SITReg.FormerParentCopy"
RESULT_ATTRIBUTE = "SITReg.Result"  # tells our results from those of other modules, which have the same roles
_LINEAR = 1  # vtkGridTransform's number for it, which has no name in Python


def linkToPair(nodes, fixedVolume, movingVolume) -> None:
    """Let the nodes of a result know the two volumes that they were computed from."""
    for node in nodes:
        node.SetNodeReferenceID(slicer.vtkMRMLTransformNode.GetFixedNodeReferenceRole(), fixedVolume.GetID())
        node.SetNodeReferenceID(slicer.vtkMRMLTransformNode.GetMovingNodeReferenceRole(), movingVolume.GetID())
        node.SetAttribute(RESULT_ATTRIBUTE, "1")


def linkTransforms(forward, inverse, fixedVolume, movingVolume) -> None:
    """Let the two transforms know each other and the two volumes; what one was linked to before is not its inverse."""
    given = [node for node in (forward, inverse) if node is not None]
    linkToPair(given, fixedVolume, movingVolume)
    for node in given:
        former = node.GetNodeReference(INVERSE_ROLE)
        if former is not None:
            former.SetNodeReferenceID(INVERSE_ROLE, None)
            node.SetNodeReferenceID(INVERSE_ROLE, None)
    if forward is not None and inverse is not None:
        forward.SetNodeReferenceID(INVERSE_ROLE, inverse.GetID())
        inverse.SetNodeReferenceID(INVERSE_ROLE, forward.GetID())


def linkedPair(node) -> tuple:
    """The fixed and the moving volume that a node of a result was computed from; None for what is not there."""
    fixedRole = slicer.vtkMRMLTransformNode.GetFixedNodeReferenceRole()
    movingRole = slicer.vtkMRMLTransformNode.GetMovingNodeReferenceRole()
    return node.GetNodeReference(fixedRole), node.GetNodeReference(movingRole)


def useLinearInterpolation(gridNode) -> None:
    """Interpolate the displacements as the engine does; Slicer's readers choose cubic: slower, and a bit different."""
    grid = gridNode.GetTransformFromParent()
    if isinstance(grid, slicer.vtkOrientedGridTransform) and grid.GetInterpolationMode() != _LINEAR:
        grid.SetInterpolationModeToLinear()
        grid.Update()
        gridNode.InvokeCustomModifiedEvent(slicer.vtkMRMLTransformableNode.TransformModifiedEvent)


def useLinearInterpolationEverywhere() -> None:
    """The same for every registration result in the scene: needed after a scene was loaded."""
    for node in slicer.util.getNodesByClass("vtkMRMLGridTransformNode"):
        if isResult(node):
            useLinearInterpolation(node)


def isUnder(node, transformNode) -> bool:
    """Whether a node lies under the transform, directly or further down."""
    parent = node.GetParentTransformNode()
    while parent is not None and parent is not transformNode:
        parent = parent.GetParentTransformNode()
    return parent is transformNode and transformNode is not None


def putUnder(node, transformNode) -> None:
    """Put a node under the transform so that it appears where the registration brings it.

    The transform starts from the world, so a parent that the node already has is kept below it. That parent is
    copied, because other nodes may hang on it and must stay where they are.
    """
    if isUnder(node, transformNode):
        return
    takeOut(node)
    node.SetAttribute(PUT_UNDER_ATTRIBUTE, "1")
    parent = node.GetParentTransformNode()
    if parent is None:
        node.SetAndObserveTransformNodeID(transformNode.GetID())
        return
    standIn = _copyToWorld(parent, node)
    standIn.SetAndObserveTransformNodeID(transformNode.GetID())
    node.SetNodeReferenceID(FORMER_PARENT_ROLE, parent.GetID())
    node.SetAndObserveTransformNodeID(standIn.GetID())


def isPutUnder(node, transformNode) -> bool:
    """Whether a node lies where `putUnder` puts it, so that `takeOut` can undo it."""
    parent = node.GetParentTransformNode()
    if parent is not None and _isStandIn(parent):
        parent = parent.GetParentTransformNode()
    return parent is transformNode and transformNode is not None


def allPutUnder(transformNode) -> list:
    """The nodes that `putUnder` has put under the transform and that are there still."""
    nodes = slicer.util.getNodesByClass("vtkMRMLTransformableNode")
    return [node for node in nodes if node.GetAttribute(PUT_UNDER_ATTRIBUTE) and isPutUnder(node, transformNode)]


def takeOut(node, transformNode=None) -> None:
    """Undo `putUnder`: the node returns to the parent that it had before.

    It is taken out of `transformNode`, and of any result; another parent is left alone.
    """
    parent = node.GetParentTransformNode()
    node.RemoveAttribute(PUT_UNDER_ATTRIBUTE)
    if parent is None:
        return
    if _isStandIn(parent):
        _backToFormerParent(node, parent)
    elif parent is transformNode or isResult(parent):
        node.SetAndObserveTransformNodeID(None)


def _isStandIn(node) -> bool:
    return node.GetAttribute(STAND_IN_ATTRIBUTE) is not None


def _backToFormerParent(node, standIn) -> None:
    former = node.GetNodeReference(FORMER_PARENT_ROLE)
    node.SetNodeReferenceID(FORMER_PARENT_ROLE, None)
    if former is None:  # it was removed meanwhile: its copy is all that still places the node
        standIn.SetAndObserveTransformNodeID(None)
        standIn.RemoveAttribute(STAND_IN_ATTRIBUTE)
        return
    node.SetAndObserveTransformNodeID(former.GetID())
    slicer.mrmlScene.RemoveNode(standIn)


def resultAbove(node):
    """The registration result that `putUnder` has put a node under; None where there is none."""
    parent = node.GetParentTransformNode()
    if parent is not None and _isStandIn(parent):
        parent = parent.GetParentTransformNode()
    return parent if parent is not None and isResult(parent) else None


@contextlib.contextmanager
def takenOut(*nodes) -> Iterator[None]:
    """The nodes where they lie without an earlier result of a registration above them; put back at the end."""
    under = [(node, result) for node in nodes if (result := resultAbove(node)) is not None]
    for node, _ in under:
        takeOut(node)
    try:
        yield
    finally:
        for node, result in under:
            putUnder(node, result)


def isResult(node) -> bool:
    """Whether a node was made by a registration of ours."""
    return node.GetAttribute(RESULT_ATTRIBUTE) is not None


def _copyToWorld(parent, node):
    """A new transform node that does all that `parent` and its own parents do now."""
    live, combined = vtk.vtkGeneralTransform(), vtk.vtkGeneralTransform()
    parent.GetTransformToWorld(live)
    slicer.vtkMRMLTransformNode.DeepCopyTransform(combined, live)  # not to follow them when they are changed
    name = slicer.mrmlScene.GenerateUniqueName(f"{node.GetName()} before registration")
    standIn = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTransformNode", name)
    standIn.SetAttribute(STAND_IN_ATTRIBUTE, "1")
    standIn.SetAndObserveTransformToParent(combined)
    return standIn
