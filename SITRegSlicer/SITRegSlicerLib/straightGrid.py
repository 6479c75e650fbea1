"""Volumes that a transform shears: files hold perpendicular axes alone, so these are resampled for the export."""

import contextlib
from collections.abc import Iterator

import numpy as np
import vtk

import slicer

_SHEARED = 1e-3  # of unit axes' products; float32 headers are off by less, the engine bears twice as much


def isSheared(volumeNode) -> bool:
    """Whether the axes of a volume, brought to the world by linear transforms, are not perpendicular."""
    axes = voxelsToWorld(volumeNode)[:3, :3]
    axes = axes / np.linalg.norm(axes, axis=0)
    return float(np.abs(axes.T @ axes - np.eye(3)).max()) > _SHEARED


@contextlib.contextmanager
def onStraightGrid(volumeNode) -> Iterator[object]:
    """The volume itself, or a copy for the moment: what it shows in the world, on perpendicular axes.

    The copy has the nearest perpendicular axes, the voxel sizes in the world, and room for all of the volume.
    """
    if not isSheared(volumeNode):
        yield volumeNode
        return
    copy = slicer.mrmlScene.AddNewNodeByClass(volumeNode.GetClassName(), "SITReg export")
    try:
        _fill(copy, volumeNode)
        yield copy
    finally:
        slicer.mrmlScene.RemoveNode(copy)


def _fill(copy, volumeNode) -> None:
    sheared = voxelsToWorld(volumeNode)
    straight, low, high = _straightGrid(sheared, volumeNode.GetImageData().GetDimensions())
    copy.SetAndObserveImageData(_padded(volumeNode, low, high))
    # The padded volume, which begins at voxel `low`, on straight axes; then what is still between it and the world.
    shift = np.eye(4)
    shift[:3, 3] = low
    copy.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(straight @ shift))
    rest = vtk.vtkTransform()
    rest.SetMatrix(slicer.util.vtkMatrixFromArray(sheared @ np.linalg.inv(straight)))
    copy.ApplyNonLinearTransform(rest)
    parent = volumeNode.GetParentTransformNode()
    if parent is not None and not parent.IsTransformToWorldLinear():  # a linear one is in the grid already
        copy.SetAndObserveTransformNodeID(parent.GetID())


def _straightGrid(sheared: np.ndarray, dimensions) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(voxels to world with the nearest perpendicular axes about the same centre, first and last voxel needed)."""
    sizes = np.linalg.norm(sheared[:3, :3], axis=0)
    u, _, v = np.linalg.svd(sheared[:3, :3] / sizes)
    straight, last = np.eye(4), np.array(dimensions) - 1
    straight[:3, :3] = (u @ v) * sizes
    straight[:3, 3] = sheared[:3, 3] + (sheared[:3, :3] - straight[:3, :3]) @ (last / 2)
    corners = np.array([[*(np.array(corner) * last), 1] for corner in np.ndindex(2, 2, 2)])
    needed = (np.linalg.inv(straight) @ sheared @ corners.T)[:3]
    low = np.minimum(np.floor(needed.min(axis=1) + 1e-6), 0).astype(int)
    return straight, low, np.maximum(np.ceil(needed.max(axis=1) - 1e-6), last).astype(int)


def _padded(volumeNode, low: np.ndarray, high: np.ndarray):
    """The image from voxel `low` to `high`, its background around it; its first voxel is number 0."""
    pad = vtk.vtkImageConstantPad()
    pad.SetInputData(volumeNode.GetImageData())
    pad.SetConstant(volumeNode.GetImageBackgroundScalarComponentAsDouble(0))
    pad.SetOutputWholeExtent(*(int(n) for pair in zip(low, high, strict=True) for n in pair))
    pad.Update()
    image = vtk.vtkImageData()
    image.ShallowCopy(pad.GetOutput())
    image.SetExtent(*(int(n) for size in high - low for n in (0, size)))
    image.SetOrigin(0, 0, 0)
    return image


def voxelsToWorld(volumeNode) -> np.ndarray:
    """(4, 4) voxel indices to the scene's mm, linear parents included: under others Slicer resamples volumes itself."""
    matrix, parent = vtk.vtkMatrix4x4(), volumeNode.GetParentTransformNode()
    volumeNode.GetIJKToRASMatrix(matrix)
    toWorld = slicer.util.arrayFromVTKMatrix(matrix)
    if parent is None or not parent.IsTransformToWorldLinear():
        return toWorld
    parent.GetMatrixTransformToWorld(matrix)
    return slicer.util.arrayFromVTKMatrix(matrix) @ toWorld
