"""Segmentations and label maps as files of numbered voxels, with equal numbers for equal segment names."""

import math
from pathlib import Path

import numpy as np
from vtk.util.numpy_support import vtk_to_numpy

import slicer

from .registrationRequest import RequestError
from .straightGrid import onStraightGrid

_VOXELS = "Binary labelmap"  # the name of that representation of segments
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
        _fillLabelmap(node, labelmap, referenceVolume, names)
        exportVolume(labelmap, path)
    finally:
        if labelmap.GetDisplayNode() is not None:
            slicer.mrmlScene.RemoveNode(labelmap.GetDisplayNode())
        slicer.mrmlScene.RemoveNode(labelmap)
        for colorId in _nodeIds("vtkMRMLColorTableNode") - before:  # ours, and the one that Slicer makes from it
            slicer.mrmlScene.RemoveNode(slicer.mrmlScene.GetNodeByID(colorId))


def segmentNames(*nodes) -> list[str]:
    """Names of all segments of the segmentations among the nodes, each once, the larger ones first.

    That is the order in which they are painted: what lies within another segment, in either image, stays visible.
    """
    sizes = {}
    for node in nodes:
        if isinstance(node, slicer.vtkMRMLSegmentationNode):
            for name, size in _sizes(node.GetSegmentation()).items():
                sizes[name] = max(sizes.get(name, 0.0), size)
    return sorted(sizes, key=sizes.get, reverse=True)


def _sizes(segmentation) -> dict[str, float]:
    """Name -> cubic millimetres of every segment; of surfaces without voxels, of the boxes around them."""
    segments = [segmentation.GetNthSegment(n) for n in range(segmentation.GetNumberOfSegments())]
    sizes = {segment.GetName(): _boxVolume(segment) for segment in segments}
    for layer in range(segmentation.GetNumberOfLayers(_VOXELS)):  # each holds the segments that do not overlap
        image = segmentation.GetLayerDataObject(layer, _VOXELS)
        values = image.GetPointData().GetScalars()
        counts = np.bincount(vtk_to_numpy(values).ravel()) if values is not None else np.zeros(1)
        for segmentId in segmentation.GetSegmentIDsForLayer(layer, _VOXELS):
            segment = segmentation.GetSegment(segmentId)
            count = counts[segment.GetLabelValue()] if segment.GetLabelValue() < len(counts) else 0
            sizes[segment.GetName()] = float(count) * math.prod(image.GetSpacing())
    return sizes


def _boxVolume(segment) -> float:
    bounds = [0.0] * 6
    segment.GetBounds(bounds)
    return math.prod(max(high - low, 0.0) for low, high in zip(bounds[::2], bounds[1::2], strict=True))


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


def _fillLabelmap(node, labelmap, referenceVolume, names: list[str]) -> None:
    segmentation, colors = node.GetSegmentation(), _colorTable(names)
    ids = [segmentation.GetNthSegmentID(n) for n in range(segmentation.GetNumberOfSegments())]
    ids.sort(key=lambda segmentId: names.index(segmentation.GetSegment(segmentId).GetName()))  # the last one wins
    if not ids:
        raise RequestError(f"The segmentation '{node.GetName()}' has no segments: add one or choose another.")
    logic = slicer.modules.segmentations.logic()
    extent = slicer.vtkSegmentation.EXTENT_REFERENCE_GEOMETRY
    if not logic.ExportSegmentsToLabelmapNode(node, ids, labelmap, referenceVolume, extent, colors):
        raise RequestError(f"The segmentation '{node.GetName()}' could not be exported: see Slicer's error log.")
