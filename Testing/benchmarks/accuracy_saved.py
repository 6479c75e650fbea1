"""The saved files of a registration, read and evaluated by SimpleITK alone."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk


@dataclass(frozen=True)
class Saved:
    """A result folder."""

    forward: sitk.Image  # vector image, float64, mm
    inverse: sitk.Image
    record: dict  # result.json


def read_result(folder: Path) -> Saved:
    """The two transforms and the record of a result folder."""
    record = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    fields = [_read_field(folder / Path(record["outputs"][name]).name) for name in ("forward", "inverse")]
    return Saved(*fields, record)


def _read_field(path: Path) -> sitk.Image:
    if path.suffix == ".h5":
        return sitk.DisplacementFieldTransform(sitk.ReadTransform(str(path))).GetDisplacementField()
    return sitk.Cast(sitk.ReadImage(str(path)), sitk.sitkVectorFloat64)


def transform_of(field: sitk.Image) -> sitk.Transform:
    """The ITK transform of a vector image (which SimpleITK takes over, hence the copy)."""
    return sitk.DisplacementFieldTransform(sitk.Image(field))


def evaluated(transform: sitk.Transform, onto: sitk.Image) -> np.ndarray:
    """Displacements by ITK's own evaluation at the voxel centres of `onto`, (K, J, I, 3) mm."""
    image = sitk.TransformToDisplacementField(
        transform, sitk.sitkVectorFloat64, onto.GetSize(), onto.GetOrigin(), onto.GetSpacing(), onto.GetDirection()
    )
    return sitk.GetArrayFromImage(image)


def positions(image: sitk.Image) -> np.ndarray:
    """World positions of the voxel centres, (K, J, I, 3) mm."""
    k, j, i = np.meshgrid(*[np.arange(n) for n in reversed(image.GetSize())], indexing="ij")
    return np.stack([i, j, k], axis=-1) @ _matrix(image).T + image.GetOrigin()


def covered(points: np.ndarray, box: sitk.Image) -> np.ndarray:
    """Which world points (..., 3) lie in the box of an image, as ITK sees it."""
    voxels = (points - box.GetOrigin()) @ np.linalg.inv(_matrix(box)).T
    return np.all((voxels >= -0.5) & (voxels < np.array(box.GetSize()) - 0.5), axis=-1)


def _matrix(image: sitk.Image) -> np.ndarray:
    return np.array(image.GetDirection()).reshape(3, 3) * np.array(image.GetSpacing())
