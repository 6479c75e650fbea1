"""Displacement fields and images into files, as ITK reads them."""

import errno
import os
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from .contract import FORMATS
from .errors import InputError
from .fields import DisplacementField
from .geometry import Grid
from .hdf5 import write_hdf5
from .images import to_sitk, with_axes_reversed
from .inputs import nifti
from .itk import quiet_libraries
from .lattices import in_slabs
from .packed import pack

_MOST_HEADER = 2**16  # bytes, of an nrrd file


def write_transform(field: DisplacementField, path: Path) -> None:
    """As the path's ending, one of FORMATS, wants it: h5 is an ITK transform, nrrd and nii.gz are ITK vector images.

    All hold float32 numbers, and none loses any. Raises InputError for another ending, and RuntimeError, InputError
    or OSError when the file cannot be written.
    """
    ending = next((name for name in FORMATS if path.name.endswith(f".{name}")), None)
    if ending is None:
        raise InputError(f"Transforms can be written as {', '.join(FORMATS)}, not as {path.name}.")
    if ending == "h5":
        _write_h5(field, path)
    else:
        _write_image(to_sitk(field.vectors.astype(np.float32, copy=False), field.grid), path)


def write_image(array: np.ndarray, grid: Grid, dtype: np.dtype, path: Path) -> None:
    """An array (I, J, K) as `dtype`: see `as_type`. Raises RuntimeError, InputError or OSError when that fails."""
    _write_image(to_sitk(as_type(array, np.dtype(dtype)), grid), path)


def _write_h5(field: DisplacementField, path: Path) -> None:
    """What itk::HDF5TransformIO writes for a displacement field transform in single precision."""
    grid = field.grid
    transform = {
        "TransformType": "DisplacementFieldTransform_float_3_3",
        "TransformFixedParameters": np.array([*grid.shape, *grid.origin, *grid.spacing, *grid.direction], np.float64),
        "TransformParameters": with_axes_reversed(field.vectors.astype(np.float32, copy=False)).reshape(-1),
    }
    write_hdf5(path, {"TransformGroup": {"0": transform}})


def _write_image(image: sitk.Image, path: Path) -> None:
    """Packed when the ending says so: ITK would do that on one core, and more thoroughly than noise is worth.

    Fields in nrrd files are not packed: they hardly shrink, and Slicer would take several times as long to read them.
    """
    plain = path.with_suffix("") if path.suffix == ".gz" else path
    with quiet_libraries():
        sitk.WriteImage(image, str(plain), useCompression=False)
    nifti.check(str(plain), path.name)  # ITK's writer reports success on a full disk
    if plain.suffix == ".nrrd":
        _check_nrrd(plain, sitk.GetArrayViewFromImage(image).nbytes)
    if plain != path:
        pack(plain, path)
        plain.unlink()


def _check_nrrd(path: Path, size: int) -> None:
    """Raises OSError when fewer than `size` bytes of unpacked data lie below the header."""
    with open(path, "rb") as file:
        header = file.read(_MOST_HEADER).find(b"\n\n") + 2
    if header < 2 or path.stat().st_size < header + size:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path.name)


def as_type(array: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """`array` in a pixel type: rounded and clipped to integer types; every float type becomes float32."""
    if dtype.kind not in "iu":
        return array.astype(np.float32, copy=False)
    if array.dtype == dtype:
        return array
    info = np.iinfo(dtype)
    # The largest 64-bit integers are no float64: stay one step inside, so that the cast cannot wrap around.
    high = float(info.max) if info.bits < 64 else np.nextafter(float(info.max), 0)
    result, given = np.empty(array.shape, dtype), array.reshape(-1)

    def fill(part: slice) -> None:
        values = given[part].astype(np.float64)
        result.reshape(-1)[part] = np.clip(np.rint(values, out=values), float(info.min), high, out=values)

    in_slabs(fill, (given.size, 1, 1))
    return result
