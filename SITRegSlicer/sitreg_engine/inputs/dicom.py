"""A DICOM series folder as one volume."""

import numpy as np
import SimpleITK as sitk

from sitreg_engine.errors import InputError
from sitreg_engine.failures import or_out_of_memory
from sitreg_engine.itk import quiet_libraries, reason

_CLEARLY_LARGER = 2  # scouts and localisers have a few slices, the scan has many
_LARGEST_GAP = 0.1  # of the slice distance
_LARGEST_TILT = 0.01  # sine of the angle between the stacking direction and the slices' normal
_POSITION, _ORIENTATION = "0020|0032", "0020|0037"


def read_folder(path: str, role: str) -> sitk.Image:
    """The series in a folder (subfolders are not searched). Of several, the one with at least twice as many files
    as every other is taken.

    Raises InputError when there is none, when none is clearly the largest, when slices are missing, and for a
    tilted gantry (whose slices are not stacked along their normal; a volume's header cannot say that).
    """
    files = _files_of_series(path, role)
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(files)
    reader.MetaDataDictionaryArrayUpdateOn()
    try:
        with quiet_libraries():
            image = reader.Execute()
    except RuntimeError as error:
        told = f"The {role} could not be read from the DICOM folder {path} ({reason(error)})."
        raise or_out_of_memory(InputError(told), error) from error
    if len(files) > 1:
        _check_stacking(reader, len(files), path, role)
    return image[..., 0] if image.GetDimension() == 4 and image.GetSize()[3] == 1 else image


def _files_of_series(path: str, role: str) -> tuple[str, ...]:
    with quiet_libraries():
        ids = sitk.ImageSeriesReader.GetGDCMSeriesIDs(str(path))
        series = [sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(path), name) for name in ids]
    if not series:
        raise InputError(f"The {role} must be an image file or a folder with one DICOM series, {path} holds no series.")
    series.sort(key=len, reverse=True)
    if len(series) > 1 and len(series[0]) < _CLEARLY_LARGER * len(series[1]):
        sizes = ", ".join(str(len(files)) for files in series)
        raise InputError(
            f"The {role} must be one DICOM series, {path} holds {len(series)} (of {sizes} files): "
            "put the wanted one into a folder of its own."
        )
    return series[0]


def _check_stacking(reader: sitk.ImageSeriesReader, count: int, path: str, role: str) -> None:
    if not all(reader.HasMetaDataKey(i, _POSITION) and reader.HasMetaDataKey(i, _ORIENTATION) for i in range(count)):
        raise InputError(f"The {role} must have positions: a slice in {path} lacks its position or orientation tag.")
    try:
        places = np.array([_numbers(reader.GetMetaData(i, _POSITION), 3) for i in range(count)])  # (count, 3) mm
        across, down = _numbers(reader.GetMetaData(0, _ORIENTATION), 6).reshape(2, 3)
    except ValueError as error:
        raise InputError(
            f"The {role} must have positions: a slice in {path} has a position or orientation tag that cannot be used "
            f"({error}). Export the series again."
        ) from error
    steps = np.diff(places, axis=0)
    step = steps.mean(axis=0)
    distance = float(np.linalg.norm(step))
    worst = float(np.linalg.norm(steps - step, axis=1).max())
    if distance == 0 or worst > _LARGEST_GAP * distance:
        raise InputError(
            f"The {role} must have evenly spaced slices, those in {path} are {distance:.3g} mm apart on average "
            f"and off by up to {worst:.3g} mm: slices are missing or doubled. Export the series again."
        )
    tilt = float(np.linalg.norm(np.cross(np.cross(across, down), step / distance)))
    if tilt > _LARGEST_TILT:
        degrees = np.degrees(np.arcsin(min(tilt, 1.0)))
        raise InputError(
            f"The {role} {path} was scanned with a gantry tilted by {degrees:.1f} degrees: "
            "load it in Slicer with acquisition geometry regularization, harden, and export it as NRRD."
        )


def _numbers(text: str, count: int) -> np.ndarray:
    """Of a tag with `count` finite numbers. Raises ValueError."""
    found = np.array([float(part) for part in text.split("\\")])
    if len(found) != count or not np.isfinite(found).all():
        raise ValueError(f"{count} numbers were expected, got {text!r}")
    return found
