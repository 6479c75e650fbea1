"""The settings of a job that can be checked before anything is read."""

import math
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


def check_job(job: Job) -> None:
    """Raises InputError for a setting that no registration could honour."""
    if not (job.fixed and job.moving and job.output):
        raise InputError("A registration needs a fixed image, a moving image and an output folder.")
    for field, role in INPUT_ROLES.items():
        path = getattr(job, field)
        if path and not Path(path).exists():
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
    if job.affine not in AFFINE_CHOICES and not Path(job.affine).is_file():
        choices = ", ".join(AFFINE_CHOICES)
        raise InputError(f"The affine start must be {choices} or a transform file that exists, not {job.affine}.")
    if job.weights and not Path(job.weights).is_file():
        raise InputError(f"The weights file was not found: {job.weights}. Check the path.")
