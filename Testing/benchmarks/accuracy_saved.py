"""The saved files of a registration, read and evaluated by SimpleITK alone.

`sitreg register` saves whole transforms. A peer saves the displacements that are left after the common affine, on the
fixed image's voxels: a point goes through them and then through the affine, or back through the affine's inverse first.
Nothing is interpolated a second time.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

IDENTITY = sitk.AffineTransform(3)


@dataclass(frozen=True)
class Map:
    """x -> after(p + field(p)) with p = before(x); LPS mm."""

    field: sitk.Image  # vector image, float64, mm
    before: sitk.AffineTransform = IDENTITY
    after: sitk.AffineTransform = IDENTITY

    def transform(self) -> sitk.CompositeTransform:
        # ITK's composite applies what was added last first. It takes a field's image over: hence the copy.
        return sitk.CompositeTransform(
            [self.after, sitk.DisplacementFieldTransform(sitk.Image(self.field)), self.before]
        )


@dataclass(frozen=True)
class Saved:
    """A finished registration."""

    forward: Map  # points of the fixed image -> points of the moving image
    inverse: Map


def read_saved(folder: Path, affine: Path | None) -> Saved:
    """The two fields in a folder: those of its result.json (`sitreg register`), else forward.nrrd and inverse.nrrd.

    `affine` is the common start that they stand upon, None when they are whole. Raises FileNotFoundError.
    """
    fields = [_read_field(path) for path in _files(folder)]
    if affine is None:
        return Saved(*(Map(field) for field in fields))
    start = sitk.AffineTransform(sitk.ReadTransform(str(affine)))
    return Saved(Map(fields[0], after=start), Map(fields[1], before=sitk.AffineTransform(start.GetInverse())))


def _files(folder: Path) -> list[Path]:
    names = ["forward.nrrd", "inverse.nrrd"]
    if (folder / "result.json").is_file():
        outputs = json.loads((folder / "result.json").read_text(encoding="utf-8"))["outputs"]
        names = [Path(outputs[name]).name for name in ("forward", "inverse")]
    for name in names:
        if not (folder / name).is_file():
            raise FileNotFoundError(f"{folder} should hold {name}: the method did not write it.")
    return [folder / name for name in names]


def _read_field(path: Path) -> sitk.Image:
    if path.suffix == ".h5":
        return sitk.DisplacementFieldTransform(sitk.ReadTransform(str(path))).GetDisplacementField()
    return sitk.Cast(sitk.ReadImage(str(path)), sitk.sitkVectorFloat64)


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


def seen(points: np.ndarray, by: Map) -> np.ndarray:
    """Which world points (..., 3) the field of a map covers, as ITK sees it; NaN counts as covered."""
    matrix = np.array(by.before.GetMatrix()).reshape(3, 3)
    centre = np.array(by.before.GetCenter())
    there = (points - centre) @ matrix.T + centre + by.before.GetTranslation()
    voxels = (there - by.field.GetOrigin()) @ np.linalg.inv(_matrix(by.field)).T
    inside = np.all((voxels >= -0.5) & (voxels < np.array(by.field.GetSize()) - 0.5), axis=-1)
    return inside | np.isnan(points).any(axis=-1)


def _matrix(image: sitk.Image) -> np.ndarray:
    return np.array(image.GetDirection()).reshape(3, 3) * np.array(image.GetSpacing())
