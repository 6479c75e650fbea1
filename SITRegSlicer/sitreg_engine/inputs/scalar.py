"""One scalar 3-D image out of any file or DICOM folder that SimpleITK reads, its header checked."""

from pathlib import Path

import numpy as np
import SimpleITK as sitk

from sitreg_engine.contract import LEAST_VOXELS
from sitreg_engine.errors import InputError
from sitreg_engine.failures import or_out_of_memory
from sitreg_engine.itk import quiet_libraries, reason

from . import dicom, metaimage, nifti

# NIfTI can only store perpendicular axes: writing a result turns axes by up to half of this, 0.2 mm at 200 mm.
_LARGEST_SKEW = 2e-3


def read_scalar_image(path: str, role: str) -> sitk.Image:
    """The 3-D scalar image at `path` (a file, or the folder of a DICOM series), with a sound geometry.

    A 4-D image with one time point counts as 3-D. `role` names the image in messages ("fixed image").
    Raises InputError for everything that is no 3-D scalar image in a proper place of the world.
    """
    if not Path(path).exists():
        raise InputError(f"There is no file for the {role} at {path}. Check the path.")
    image = dicom.read_folder(path, role) if Path(path).is_dir() else _read_file(path, role)
    _check_pixels(image.GetNumberOfComponentsPerPixel(), image.GetPixelIDTypeAsString(), path, role)
    _check_geometry(image, path, role)
    return image


def _read_file(path: str, role: str) -> sitk.Image:
    nifti.check(path, role)
    metaimage.check(path, role)
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        with quiet_libraries():
            reader.ReadImageInformation()
            _check_header(reader, path, role)
            image = reader.Execute()
    except RuntimeError as error:
        told = f"The {role} could not be read: {path} ({_explained(reason(error))})."
        raise or_out_of_memory(InputError(told), error) from error
    return image[..., 0] if image.GetDimension() == 4 else image


def _explained(text: str) -> str:
    if "orthonormal" in text:
        return "its header holds no orientation with perpendicular axes; resample it to a straight grid first"
    return text


def _check_header(reader: sitk.ImageFileReader, path: str, role: str) -> None:
    size = reader.GetSize()
    if reader.GetDimension() == 2 or len(size) == 2:
        raise InputError(f"The {role} must be a 3-D volume, {path} is 2-D ({_times(size)}).")
    if len(size) > 4 or (len(size) == 4 and size[3] != 1):
        raise InputError(f"The {role} must be one 3-D volume, {path} is {len(size)}-D ({_times(size)}): extract one.")
    _check_pixels(reader.GetNumberOfComponents(), sitk.GetPixelIDValueAsString(reader.GetPixelID()), path, role)
    if not np.all(np.array(reader.GetSpacing()[:3]) > 0):
        raise InputError(f"The {role} must have positive spacing, {path} has {_times(reader.GetSpacing()[:3])} mm.")


def _check_pixels(components: int, kind: str, path: str, role: str) -> None:
    if components != 1 or "complex" in kind or "label" in kind:
        raise InputError(
            f"The {role} must have one number per voxel, {path} has {components} ({kind}): "
            "extract one component, or convert colour to grey."
        )


def _check_geometry(image: sitk.Image, path: str, role: str) -> None:
    if min(image.GetSize()) < LEAST_VOXELS:
        raise InputError(
            f"The {role} must have {LEAST_VOXELS} or more voxels along each axis, "
            f"{path} has {_times(image.GetSize())}; for a DICOM slice give the folder of the whole series."
        )
    axes = np.array(image.GetDirection()).reshape(3, 3)
    if not (np.isfinite(axes).all() and np.isfinite(image.GetOrigin()).all()):
        raise InputError(f"The {role} must lie in a definite place, {path} has NaN in its direction or origin.")
    skew = float(np.abs(axes.T @ axes - np.eye(3)).max())
    if skew > _LARGEST_SKEW:
        raise InputError(
            f"The {role} must have perpendicular axes of unit length, those of {path} are off by {skew:.3g}: "
            "resample it to a straight grid first (in Slicer: Crop Volume with interpolation)."
        )


def _times(numbers: tuple) -> str:
    return " x ".join(f"{n:g}" for n in numbers)
