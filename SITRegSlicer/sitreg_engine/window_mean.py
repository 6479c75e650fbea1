"""Means over cubes of voxels: the windows of local statistics."""

import torch.nn.functional as F
from torch import Tensor


def window_mean(x: Tensor, window: int) -> Tensor:
    """Means over the cubes of `window` voxels (odd) around all voxels of x (1, C, I, J, K); zeros beyond its border."""
    return mean_within(F.pad(x, (window // 2,) * 6), window)


def mean_within(x: Tensor, window: int) -> Tensor:
    """Means over the cubes of `window` voxels that lie in x (1, C, I, J, K) as a whole: window - 1 fewer an axis.

    Axis by axis; no mean depends on what lies outside its cube. Raises ValueError when x is smaller than a cube.
    """
    if min(x.shape[2:]) < window:
        raise ValueError(f"At least {window} voxels along each axis were expected, got {tuple(x.shape[2:])}.")
    for axis in (2, 3, 4):
        x = _sums(x, window, axis)
    return x * (1 / window**3)


def _sums(x: Tensor, count: int, axis: int) -> Tensor:
    """Of `count` neighbours along an axis: of 1, 2, 4, ... of them, and of those the ones that `count` is made of."""
    results, begun, result = x.shape[axis] - count + 1, 0, None
    size, doubled = 1, x
    while True:
        if count & size:
            part = doubled.narrow(axis, begun, results)
            result, begun = part if result is None else result + part, begun + size
        if 2 * size > count:
            return result
        kept = doubled.shape[axis] - size
        doubled = doubled.narrow(axis, 0, kept) + doubled.narrow(axis, size, kept)
        size *= 2
