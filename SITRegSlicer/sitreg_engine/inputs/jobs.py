"""The settings of a job that can be checked before anything is read."""

import math
from collections.abc import Callable
from pathlib import Path

from sitreg_engine.contract import AFFINE_CHOICES, FORMATS, Job
from sitreg_engine.effort import Effort
from sitreg_engine.errors import InputError

# The fields of a job that name a file or folder it reads, and what to call it.
INPUT_ROLES = {
    "fixed": "fixed image",
    "moving": "moving image",
    "fixed_mask": "fixed mask",
    "moving_mask": "moving mask",
    "fixed_labels": "fixed labels",
    "moving_labels": "moving labels",
    "fixed_points": "fixed points",
    "moving_points": "moving points",
}


def files_of(job: Job) -> list[tuple[str, str]]:
    """(field of the job, path) of every file or folder that it names and reads."""
    fields = [*INPUT_ROLES, *(["affine"] if job.affine not in AFFINE_CHOICES else []), "weights"]
    return [(field, path) for field in fields if (path := getattr(job, field))]


def check_job(job: Job) -> None:
    """Raises InputError for a setting that no registration could honour."""
    if not (job.fixed and job.moving and job.output):
        raise InputError("A registration needs a fixed image, a moving image and an output folder.")
    for path in (job.output, *(path for _, path in files_of(job))):
        _check_name(path)
    for field, role in INPUT_ROLES.items():
        path = getattr(job, field)
        if path and not _is_there(path):
            raise InputError(f"There is no file for the {role} at {path}. Check the path.")
    if job.format not in FORMATS:
        raise InputError(f"The format of the transforms must be one of {', '.join(FORMATS)}, not {job.format!r}.")
    Effort.of(job.refine)
    if not (math.isfinite(job.spacing) and job.spacing >= 0):
        raise InputError(f"The working spacing must be a positive number of mm (0 = automatic), not {job.spacing}.")
    if job.groups < 0:
        raise InputError(f"The number of groups must be positive (0 = not given), not {job.groups}.")
    if bool(job.fixed_points) != bool(job.moving_points):
        raise InputError("Landmarks are compared in pairs: give both the fixed and the moving points, or neither.")
    if job.affine not in AFFINE_CHOICES and not _is_there(job.affine, Path.is_file):
        choices = ", ".join(AFFINE_CHOICES)
        raise InputError(f"The affine start must be {choices} or a transform file that exists, not {job.affine}.")
    if job.weights and not _is_there(job.weights, Path.is_file):
        raise InputError(f"The weights file was not found: {job.weights}. Check the path.")


def _check_name(path: str) -> None:
    """ITK ends the whole process at a name that is no UTF-8, as old file servers have them."""
    try:
        path.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InputError(f"The name {path!r} is not UTF-8, and cannot be used: rename the file or folder.") from error


def _is_there(path: str, kind: Callable[[Path], bool] = Path.exists) -> bool:
    try:
        return kind(Path(path))
    except OSError as error:  # a folder without permission, a name that is too long
        raise InputError(f"{path} cannot be looked at ({error.strerror}): check its name and permissions.") from error
