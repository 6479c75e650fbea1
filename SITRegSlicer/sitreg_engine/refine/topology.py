"""Keeping maps free of folds where sampling on a grid could bring some in.

In the continuum every update is a homeomorphism by its bound, and so are compositions of them. A map SAMPLED on a
grid may still fold where it is squeezed hard. Displacements are (1, 3, I, J, K), in voxels.
"""

from collections.abc import Callable
from itertools import product

import torch
from torch import Tensor

from sitreg_engine.determinants import smallest_determinant
from sitreg_engine.mappings import warp
from sitreg_engine.models.halfway import HalfWay
from sitreg_engine.window_mean import window_mean

from .inverses import exact_inverse

LEAST_OF_WHOLE = 0.05  # determinant of the whole maps; what is below gets smoothed
MOST_REPAIRS = 12


def sound(maps: HalfWay, step: Callable[[], None]) -> HalfWay:
    """The maps with exact inverses, smoothed wherever one of the two whole maps would fold on the grid."""
    maps = _with_exact_inverses(maps)
    for _ in range(MOST_REPAIRS):
        step()
        squeezed = _squeezed_places(maps)
        if not bool(squeezed.any()):
            break
        maps = smoothed_at(maps, squeezed)
    return maps


def smoothed_at(maps: HalfWay, where: Tensor) -> HalfWay:
    """The maps, smoother around `where` (1, 1, I, J, K) bool of the half-way space, with exact inverses."""
    return _with_exact_inverses(
        HalfWay(calmed(maps.left, where), calmed(maps.right, where), maps.left_inverse, maps.right_inverse)
    )


def _with_exact_inverses(maps: HalfWay) -> HalfWay:
    return HalfWay(
        maps.left,
        maps.right,
        exact_inverse(maps.left, maps.left_inverse),
        exact_inverse(maps.right, maps.right_inverse),
    )


def _squeezed_places(maps: HalfWay) -> Tensor:
    """Points of the half-way space where forward or inverse is too squeezed, (1, 1, I, J, K) bool.

    A fold of the forward map lies on the fixed image's side, one of the inverse on the moving image's: each is
    brought back to the half-way space, where both sides can be smoothed alike.
    """
    found = torch.zeros_like(maps.left[:, :1])
    for whole, half in ((maps.forward(), maps.right), (maps.inverse(), maps.left)):
        folded = too_squeezed(whole, LEAST_OF_WHOLE)
        if bool(folded.any()):
            found = torch.maximum(found, warp((window_mean(folded.to(whole), 3) > 0).to(whole), half))
    return found > 0


def too_squeezed(u: Tensor, least: float) -> Tensor:
    """Where any one-sided determinant is below `least` (or NaN), (1, 1, I, J, K) bool."""
    return ~(smallest_determinant(u[0]) >= least)[None, None]


def calmed(u: Tensor, where: Tensor, reach: int = 3) -> Tensor:
    """u, replaced by its local average near `where` (1, 1, I, J, K) bool, fading out over `reach` voxels."""
    weight = _spread(where.to(u), reach).flatten()
    index = weight.nonzero()[:, 0]  # few: looked up one by one
    calm = u.clone()
    values = calm[0].reshape(3, -1)
    values[:, index] = torch.lerp(values[:, index], _local_average(u, index), weight[index])
    return calm


def _local_average(u: Tensor, index: Tensor) -> Tensor:
    """(3, P) means over cubes of three voxels around places of flattened u; beyond the edge its edge counts."""
    shape = u.shape[2:]
    axes = [index // (shape[1] * shape[2]), index // shape[2] % shape[1], index % shape[2]]
    near = [[(axis + shift).clamp(0, n - 1) for shift in (-1, 0, 1)] for axis, n in zip(axes, shape, strict=True)]
    values = u[0].reshape(3, -1)
    return sum(values[:, (i * shape[1] + j) * shape[2] + k] for i, j, k in product(*near)) / 27


def damped(u: Tensor, where: Tensor, reach: int = 3) -> Tensor:
    """u, shrunk towards nothing near `where`, fading out over `reach` voxels."""
    return u * (1 - _spread(where.to(u), reach))


def _spread(share: Tensor, reach: int) -> Tensor:
    """A 0/1 field (1, 1, I, J, K) widened by up to `reach` voxels, with a soft rim."""
    widened = (window_mean(share, 2 * reach - 1) > 0).to(share)
    return window_mean(widened, 3) / window_mean(torch.ones_like(share), 3)
