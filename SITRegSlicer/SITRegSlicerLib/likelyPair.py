"""The two volumes that somebody who opens the panel will want to register, where there is no doubt which."""

import slicer
from sitreg_engine import contract

from .transformNodes import isResult


def likelyPair() -> tuple | None:
    """(fixed, moving) when the scene has exactly two volumes that can be registered, else None.

    The fixed one is that behind the slice views, where the result will be looked at; else the first that was loaded.
    """
    volumes = [volume for volume in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode") if _canBeRegistered(volume)]
    if len(volumes) != 2:
        return None
    behind = {node.GetBackgroundVolumeID() for node in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")}
    first, second = volumes
    return (second, first) if second.GetID() in behind and first.GetID() not in behind else (first, second)


def _canBeRegistered(volume) -> bool:
    image = volume.GetImageData()
    if volume.GetClassName() != "vtkMRMLScalarVolumeNode" or isResult(volume):  # a label map, vectors, a result of ours
        return False
    return image is not None and min(image.GetDimensions()) >= contract.LEAST_VOXELS
