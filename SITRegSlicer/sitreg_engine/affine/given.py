"""Alignments from ITK transform files."""

from pathlib import Path

import numpy as np
import SimpleITK as sitk

from sitreg_engine.contract import AFFINE_CHOICES
from sitreg_engine.errors import InputError


def read_matrix(path: str) -> np.ndarray:
    """4x4, fixed LPS mm -> moving LPS mm, of an ITK transform file (the direction in which ITK resamples).

    Any linear 3-D transform, or a composite of such. Raises InputError for anything else.
    """
    transform = _read(path)
    if transform.GetDimension() != 3 or not transform.IsLinear():
        raise InputError(
            f"Expected a linear 3-D transform for the alignment, got {transform.GetName()} "
            f"({transform.GetDimension()}-D) in {path}: give an affine or rigid one."
        )
    matrix = np.eye(4)
    matrix[:3, 3] = transform.TransformPoint((0.0, 0.0, 0.0))
    for axis in range(3):
        matrix[:3, axis] = np.array(transform.TransformPoint(tuple(np.eye(3)[axis]))) - matrix[:3, 3]
    determinant = np.linalg.det(matrix[:3, :3])
    if not (np.isfinite(matrix).all() and determinant > 1e-6):
        raise InputError(
            f"Expected an invertible transform that does not mirror, got one with determinant {determinant:.3g} "
            f"in {path}: give an affine or rigid one."
        )
    return matrix


def _read(path: str) -> sitk.Transform:
    if not Path(path).is_file():
        raise InputError(
            f"Expected {', '.join(AFFINE_CHOICES)} or an ITK transform file for the alignment, got {path!r}: "
            "there is no such file."
        )
    try:
        return sitk.ReadTransform(path)
    except RuntimeError as error:
        raise InputError(
            f"Expected an ITK transform file (.tfm, .h5, .txt, .mat), got {path}: not readable."
        ) from error
