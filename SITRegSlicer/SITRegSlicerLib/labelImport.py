"""Warped labels as what they were before: a segmentation, with its segments' names and colours, or a label map."""

from collections.abc import Sequence

import slicer


def likeSource(labelmap, source, names: Sequence[str]):
    """The loaded label map itself, or a new segmentation in its place where `source` is one.

    Number n of its voxels is the segment names[n - 1], as it was exported. Raises RuntimeError.
    """
    if isinstance(source, slicer.vtkMRMLSegmentationNode):
        return _asSegmentation(labelmap, source.GetSegmentation(), names)
    shown = source.GetDisplayNode()
    if shown is not None:
        labelmap.GetDisplayNode().SetAndObserveColorNodeID(shown.GetColorNodeID())
    return labelmap


def _asSegmentation(labelmap, source, names: Sequence[str]):
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", labelmap.GetName())
    node.SetReferenceImageGeometryParameterFromVolumeNode(labelmap)
    if not slicer.modules.segmentations.logic().ImportLabelmapToSegmentationNode(labelmap, node):
        slicer.mrmlScene.RemoveNode(node)
        raise RuntimeError("Slicer could not make a segmentation of the warped labels: see its error log.")
    segmentation = node.GetSegmentation()
    for number in range(segmentation.GetNumberOfSegments()):
        _nameLike(source, segmentation.GetNthSegment(number), names)
    node.CreateDefaultDisplayNodes()
    if labelmap.GetDisplayNode() is not None:
        slicer.mrmlScene.RemoveNode(labelmap.GetDisplayNode())
    slicer.mrmlScene.RemoveNode(labelmap)
    return node


def _nameLike(source, segment, names: Sequence[str]) -> None:
    """Name, colour and tags of the segment that was exported under this one's number."""
    label = segment.GetLabelValue()
    name = names[label - 1]
    segmentId = source.GetSegmentIdBySegmentName(name)
    if segmentId:  # it may have been renamed or removed meanwhile
        segment.DeepCopyMetadata(source.GetSegment(segmentId))
        segment.SetLabelValue(label)  # of the voxels, which all segments share
    segment.SetName(name)
