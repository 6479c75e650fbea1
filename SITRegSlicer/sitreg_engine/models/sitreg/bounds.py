"""How large control values may be so that the upsampled deformation is certainly invertible.

The voxel field u of `splines.upsample` is interpolated linearly between voxels, so each partial derivative is a
difference of neighbouring voxels, affine along the other axes: the row sums of |Jacobian of u| have their maximum
at cell corners. `bound` is the largest |control value| for which that maximum cannot exceed one. Below it x + u(x)
is a homeomorphism without folds, and the fixed-point inversion of `inversion.py` is a contraction.
(Honkamaa & Marttinen, MELBA 2024, on control points of cubic B-splines under trilinear sampling.)
"""

from functools import lru_cache

import numpy as np

from .splines import cubic_bspline

_OFFSETS = 5  # control points that one difference of neighbouring fine voxels can depend on, along one axis


@lru_cache(maxsize=64)
def bound(scales: tuple[int, ...]) -> float:
    """The bound on |control values|, in control-grid voxels, for the scale along each axis (1 to 3 axes).

    With differing scales the control grid is meant to be isotropic in the world and the fine one is not.
    """
    value, slope = _axis_tables(scales[0])
    if len(scales) == 1:
        return 1 / float(np.abs(slope).sum(axis=1).max())
    rest_value, rest_slope = _tables(scales[1:])
    keep = _ordered_phases(scales)
    largest = 0.0
    for phase in range(len(value)):
        chosen = keep >= phase
        # (phases of the other axes, offsets along the first axis, offsets along the others)
        slopes = (
            slope[phase][:, None] * rest_value[chosen][:, None] + value[phase][:, None] * rest_slope[chosen][:, None]
        )
        largest = max(largest, np.abs(slopes).sum(axis=(1, 2)).max())
    return 1 / float(largest)


def _tables(scales: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """(phases, offsets) of the tensor-product spline and of the SUM of its partial differences."""
    value, slope = _axis_tables(scales[0])
    if len(scales) == 1:
        return value, slope
    other_value, other_slope = _tables(scales[1:])
    product = np.einsum("pc,qd->pqcd", value, other_value)
    total = np.einsum("pc,qd->pqcd", slope, other_value) + np.einsum("pc,qd->pqcd", value, other_slope)
    phases, offsets = product.shape[0] * product.shape[1], product.shape[2] * product.shape[3]
    return product.reshape(phases, offsets), total.reshape(phases, offsets)


def _axis_tables(scale: int) -> tuple[np.ndarray, np.ndarray]:
    """(phases, 5) spline values at a fine voxel and scaled differences to the next one, per control offset.

    Phases beyond the middle of a control cell are mirror images of those before it.
    """
    # Odd scales have a fine voxel at the control point itself, even ones half a fine voxel beside it.
    start = 0.0 if scale % 2 == 1 else -1 / (2 * scale)
    spline = cubic_bspline(-2 + start + np.arange(_OFFSETS * scale + 2) / scale)
    phases = np.arange(scale // 2 + 1)
    index = phases[:, None] + scale * np.arange(_OFFSETS)
    return spline[index], scale * np.diff(spline)[index]


def _ordered_phases(scales: tuple[int, ...]) -> np.ndarray:
    """For each phase of the axes after the first: the largest phase of the first that must be tried with it.

    With equal scales the axes can be exchanged, so the first may be taken as the one of lowest phase.
    """
    counts = [scale // 2 + 1 for scale in scales]
    grids = np.meshgrid(*[np.arange(count) for count in counts[1:]], indexing="ij")
    if len(set(scales)) == 1:
        return np.min(grids, axis=0).ravel()
    return np.full(int(np.prod(counts[1:])), counts[0])
