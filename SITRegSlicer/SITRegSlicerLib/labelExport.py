"""Segmentations and label maps as files of numbered voxels, with equal numbers for equal segment names."""

from pathlib import Path

import slicer

from .registrationRequest import RequestError
from .straightGrid import onStraightGrid

UNCOMPRESSED = {"useCompression": 0}  # temporary files: written once, read once


def exportVolume(volumeNode, path: Path) -> None:
    """Write a volume where it lies in the world, its parent transforms included. Raises RequestError."""
    # A fresh dictionary each time: Slicer's exportNode writes into the one that it is given.
    with onStraightGrid(volumeNode) as straight:
        isWritten = slicer.util.exportNode(straight, str(path), dict(UNCOMPRESSED), world=True)
    if not isWritten:
        raise RequestError(f"'{volumeNode.GetName()}' could not be written to {path}: see Slicer's error log.")


def exportLabels(node, referenceVolume, names: list[str], path: Path) -> None:
    """Write a label map as it is, a segmentation on the reference volume's voxels: number n is segment names[n - 1].

    Raises RequestError when the segmentation has nothing in it or cannot be written.
    """
    if not isinstance(node, slicer.vtkMRMLSegmentationNode):
        exportVolume(node, path)
        return
    before = _nodeIds("vtkMRMLColorTableNode")
    labelmap = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "SITReg export")
    try:
        _fillLabelmap(node, labelmap, referenceVolume, _colorTable(names))
        exportVolume(labelmap, path)
    finally:
        if labelmap.GetDisplayNode() is not None:
            slicer.mrmlScene.RemoveNode(labelmap.GetDisplayNode())
        slicer.mrmlScene.RemoveNode(labelmap)
        for colorId in _nodeIds("vtkMRMLColorTableNode") - before:  # ours, and the one that Slicer makes from it
            slicer.mrmlScene.RemoveNode(slicer.mrmlScene.GetNodeByID(colorId))


def segmentNames(*nodes) -> list[str]:
    """Names of all segments of the segmentations among the nodes, each once, in order of appearance."""
    names = []
    for node in nodes:
        if isinstance(node, slicer.vtkMRMLSegmentationNode):
            segmentation = node.GetSegmentation()
            names += [segmentation.GetNthSegment(n).GetName() for n in range(segmentation.GetNumberOfSegments())]
    return list(dict.fromkeys(names))


def _nodeIds(className: str) -> set[str]:
    return {node.GetID() for node in slicer.util.getNodesByClass(className)}


def _colorTable(names: list[str]):
    """A colour table with label n for names[n - 1]: Slicer numbers exported segments by it."""
    colors = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLColorTableNode", "SITReg export")
    colors.SetTypeToUser()
    colors.SetNumberOfColors(len(names) + 1)
    nothing = "background"
    while nothing in names:  # Slicer takes the first colour of a segment's name
        nothing += "'"
    colors.SetColor(0, nothing, 0.0, 0.0, 0.0, 0.0)
    for number, name in enumerate(names, start=1):
        colors.SetColor(number, name, 1.0, 1.0, 1.0, 1.0)
    return colors


def _fillLabelmap(node, labelmap, referenceVolume, colors) -> None:
    segmentation = node.GetSegmentation()
    ids = [segmentation.GetNthSegmentID(n) for n in range(segmentation.GetNumberOfSegments())]
    if not ids:
        raise RequestError(f"The segmentation '{node.GetName()}' has no segments: add one or choose another.")
    logic = slicer.modules.segmentations.logic()
    extent = slicer.vtkSegmentation.EXTENT_REFERENCE_GEOMETRY
    if not logic.ExportSegmentsToLabelmapNode(node, ids, labelmap, referenceVolume, extent, colors):
        raise RequestError(f"The segmentation '{node.GetName()}' could not be exported: see Slicer's error log.")
