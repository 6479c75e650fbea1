"""Alignments from ITK transform files."""

import re
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from sitreg_engine.contract import AFFINE_CHOICES
from sitreg_engine.errors import InputError

# Numbers in a text file's Parameters line: ITK reads beyond their end when there are fewer.
_PARAMETERS = {
    **{"TranslationTransform": 3, "ScaleTransform": 3, "VersorTransform": 3, "Euler3DTransform": 6},
    **{"VersorRigid3DTransform": 6, "Similarity3DTransform": 7, "ScaleVersor3DTransform": 9},
    **{"AffineTransform": 12, "MatrixOffsetTransformBase": 12, "ScaleSkewVersor3DTransform": 15},
}


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
        if Path(path).suffix.lower() in (".tfm", ".txt"):
            _check_text(Path(path).read_text(encoding="utf-8", errors="replace"), path)
        return sitk.ReadTransform(path)
    except (RuntimeError, OSError) as error:
        raise InputError(
            f"Expected an ITK transform file (.tfm, .h5, .txt, .mat), got {path}: not readable."
        ) from error


def _check_text(text: str, path: str) -> None:
    """ITK takes the first of several transforms, and trusts the numbers: what it would misread is refused."""
    kinds = re.findall(r"^Transform:\s*(\w+?)_", text, re.MULTILINE)
    if len(kinds) > 1 and kinds[0] != "CompositeTransform":
        raise InputError(f"{path} holds {len(kinds)} transforms: give a file of one, or one composite transform.")
    lines = re.findall(r"^Parameters:(.*)$", text, re.MULTILINE)
    numbered = [kind for kind in kinds if kind not in ("CompositeTransform", "IdentityTransform")]
    if len(lines) < len(numbered):
        raise InputError(f"{path} has no numbers (Parameters) for {numbered[len(lines)]}: write the transform again.")
    for kind, line in zip(numbered, lines, strict=False):
        found = [_number(word) for word in line.split()]
        if not np.isfinite(found).all() or len(found) != _PARAMETERS.get(kind, len(found)):
            raise InputError(
                f"{path} should have {_PARAMETERS.get(kind, 'finite')} numbers for {kind}, got {line.strip()!r}: "
                "write the transform again."
            )


def _number(word: str) -> float:
    try:
        return float(word)
    except ValueError:
        return float("nan")
