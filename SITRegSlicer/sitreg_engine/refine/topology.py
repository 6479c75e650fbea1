"""Keeping maps free of folds where sampling on a grid could bring some in.

In the continuum every update is a homeomorphism by its bound, and so are compositions of them. A map SAMPLED on a
grid may still fold where it is squeezed hard. Both functions take displacements (1, 3, I, J, K) in voxels.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from sitreg_engine.determinants import smallest_determinant


def too_squeezed(u: Tensor, least: float) -> Tensor:
    """Where any one-sided determinant is below `least` (or NaN), (1, 1, I, J, K) bool."""
    return ~(smallest_determinant(u[0]) >= least)[None, None]


def calmed(u: Tensor, where: Tensor, reach: int = 3) -> Tensor:
    """u, replaced by its local average near `where` (1, 1, I, J, K) bool, fading out over `reach` voxels."""
    return torch.lerp(u, _average(u, 3), _spread(where.to(u), reach))


def _average(x: Tensor, size: int) -> Tensor:
    for axis in range(3):
        kernel, padding = [1, 1, 1], [0, 0, 0]
        kernel[axis], padding[axis] = size, size // 2
        x = F.avg_pool3d(x, kernel, 1, padding, count_include_pad=False)
    return x


def damped(u: Tensor, where: Tensor, reach: int = 3) -> Tensor:
    """u, shrunk towards nothing near `where`, fading out over `reach` voxels."""
    return u * (1 - _spread(where.to(u), reach))


def _spread(share: Tensor, reach: int) -> Tensor:
    """A 0/1 field widened by `reach` voxels, with a soft rim."""
    size = 2 * reach - 1
    return _average(F.max_pool3d(share, size, 1, size // 2), 3)
