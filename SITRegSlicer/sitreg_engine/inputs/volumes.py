"""The two images of a registration."""

from dataclasses import dataclass

import numpy as np

from sitreg_engine.errors import InputError
from sitreg_engine.images import Volume, from_sitk

from .scalar import read_scalar_image


@dataclass(frozen=True)
class StoredVolume(Volume):
    """A volume and the pixel type it has in its file, which its warped version gets again."""

    dtype: np.dtype


def read_volume(path: str, role: str) -> StoredVolume:
    """The image at `path` (anything SimpleITK reads, or the folder of a DICOM series) as float32, LPS mm.

    `role` names the image in messages ("fixed image"). Raises InputError for files that are missing, unreadable,
    not 3-D, not scalar, without a sound geometry, constant, or with voxels that are NaN or infinite.
    """
    stored = from_sitk(read_scalar_image(path, role))
    # Some formats hold NaN or numbers beyond float32: both are reported below, the cast shall not warn.
    with np.errstate(over="ignore", invalid="ignore"):
        array = stored.array.astype(np.float32)
    _check_values(array, path, role)
    return StoredVolume(array, stored.grid, stored.array.dtype)


def _check_values(array: np.ndarray, path: str, role: str) -> None:
    bad = array.size - int(np.count_nonzero(np.isfinite(array)))
    if bad:
        raise InputError(
            f"The {role} must hold finite numbers, {path} has {bad} voxels that are NaN or infinite: "
            "replace them (for example by 0) first."
        )
    if array.min() == array.max():
        raise InputError(f"The {role} shows nothing: every voxel of {path} is {array.flat[0]:g}. Check the file.")
