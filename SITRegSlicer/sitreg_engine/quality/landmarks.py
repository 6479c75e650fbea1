"""Target registration error: how far mapped fixed points lie from the moving points they belong to."""

import numpy as np

from sitreg_engine.contract import Measure
from sitreg_engine.errors import InputError
from sitreg_engine.fields import DisplacementField
from sitreg_engine.geometry import Grid, apply


def target_registration_errors(fixed: np.ndarray, moving: np.ndarray, forward: DisplacementField | None) -> np.ndarray:
    """|forward(fixed) - moving| of paired world points (N, 3), mm, shape (N,); without a field |fixed - moving|.

    Raises InputError unless both are finite, (N, 3), of the same N > 0.
    """
    _check_pairs(fixed, moving)
    mapped = fixed if forward is None else forward.map_points(fixed)
    return np.linalg.norm(mapped - moving, axis=1)


def landmark_measures(fixed: np.ndarray, moving: np.ndarray, forward: DisplacementField) -> list[Measure]:
    """Mean, median, 95 % and largest TRE before and after registration, mm."""
    before = target_registration_errors(fixed, moving, None)
    after = target_registration_errors(fixed, moving, forward)
    return _measures_of(before, "_before", "before registration") + _measures_of(after, "", "after registration")


def landmark_doubts(fixed: np.ndarray, grid: Grid) -> list[str]:
    """What to tell of fixed points (N, 3), LPS mm, beyond the grid of the saved field."""
    places = apply(grid.world_to_voxel, fixed)
    beyond = int(((places < -0.5) | (places > np.array(grid.shape) - 0.5)).any(axis=1).sum())
    if not beyond:
        return []
    return [
        f"{beyond} of {len(fixed)} fixed landmarks lie outside the saved transform. Their errors are as if the "
        "displacement at its edge went on; other programs may move nothing there."
    ]


def _measures_of(errors: np.ndarray, suffix: str, when: str) -> list[Measure]:
    text = f"target registration error of {len(errors)} landmarks {when}"
    return [
        Measure(f"tre_mean{suffix}", f"Mean {text}", float(errors.mean()), "mm"),
        Measure(f"tre_median{suffix}", f"Median {text}", float(np.median(errors)), "mm"),
        Measure(f"tre_p95{suffix}", f"95th percentile of the {text}", float(np.percentile(errors, 95)), "mm"),
        Measure(f"tre_max{suffix}", f"Largest {text}", float(errors.max()), "mm"),
    ]


def _check_pairs(fixed: np.ndarray, moving: np.ndarray) -> None:
    for name, points in (("fixed", fixed), ("moving", moving)):
        if points.ndim != 2 or points.shape[1] != 3 or not len(points):
            raise InputError(f"Landmarks are rows of x, y, z; the {name} points have the shape {points.shape}.")
        if not np.isfinite(points).all():
            raise InputError(f"Landmarks are finite positions in mm; the {name} points contain NaN or infinity.")
    if len(fixed) != len(moving):
        raise InputError(
            f"Landmarks come in pairs, the same number in the same order; given {len(fixed)} fixed and "
            f"{len(moving)} moving points."
        )
