"""Cubic B-spline upsampling: displacements on a coarse control grid -> displacements on the voxel grid.

A control grid of scale s covers the fine grid edge to edge, starting at the first voxel's outer edge: fine voxel
i lies at control coordinate (i + 1/2) / s - 1/2. There is no prefilter: control values are approximated, not
interpolated, and beyond the control grid its edge values are repeated.
"""

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor


def cubic_bspline(t: np.ndarray) -> np.ndarray:
    """The centred cubic B-spline, supported on -2..2, at `t` (any shape)."""
    t = np.abs(t)
    inner = 2 / 3 - t**2 + t**3 / 2
    outer = np.clip(2 - t, 0, None) ** 3 / 6
    return np.where(t < 1, inner, outer)


def coarse_shape(shape: tuple[int, int, int], scale: int) -> tuple[int, int, int]:
    """Size of the control grid of a scale: at odd sizes its last control point overhangs the fine grid."""
    return tuple(-(-n // scale) for n in shape)


def upsample(control: Tensor, scale: int, shape: tuple[int, int, int]) -> Tensor:
    """Displacement (N, 3, *shape) in fine voxels of control values (N, 3, i, j, k) in control-grid voxels.

    The multiplication by `scale` turns coarse into fine voxels. Differentiable; made of one matrix product per
    axis, so its cost is that of the last one, on the full size.
    """
    matrices = [
        axis_matrix(fine, coarse, scale).to(control) for fine, coarse in zip(shape, control.shape[2:], strict=True)
    ]
    # One sample at a time: rows of a joint product may be rounded differently at its end, which would break the
    # exact symmetry of the method.
    fine = [_along_all_axes(sample, matrices) for sample in control * float(scale)]
    return fine[0][None] if len(fine) == 1 else torch.stack(fine)


def _along_all_axes(values: Tensor, matrices: list[Tensor]) -> Tensor:
    """Channels (C, i, j, k) -> (C, I, J, K)."""
    channels, i, j, k = values.shape
    first, second, third = matrices
    values = (first @ values.reshape(channels, i, j * k)).reshape(-1, j, k)  # (C * I, j, k)
    return (second @ values @ third.T).reshape(channels, first.shape[0], second.shape[0], third.shape[0])


@lru_cache(maxsize=64)
def axis_matrix(fine: int, coarse: int, scale: int) -> Tensor:
    """(fine, coarse) float64 weights of the control values along one axis; every row sums to one."""
    position = (np.arange(fine) + 0.5) / scale - 0.5
    matrix = np.zeros((fine, coarse))
    for offset in range(-1, 3):
        neighbour = np.floor(position).astype(int) + offset
        weight = cubic_bspline(position - neighbour)
        np.add.at(matrix, (np.arange(fine), np.clip(neighbour, 0, coarse - 1)), weight)
    with torch.inference_mode(False):  # it is kept: whoever asks next may want gradients through it
        return torch.from_numpy(matrix)
