"""Keeping maps free of folds where sampling on a grid could bring some in.

In the continuum every update is a homeomorphism by its bound, and so are compositions of them. A map SAMPLED on a
grid may still fold where it is squeezed hard. Displacements are (1, 3, I, J, K), in voxels.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import product

import torch
from torch import Tensor

from sitreg_engine.determinants import smallest_determinant, smallest_determinant_at
from sitreg_engine.mappings import compose, warp
from sitreg_engine.models.halfway import HalfWay
from sitreg_engine.window_mean import window_mean

from .inverses import at, exact_inverse, voxels_of

LEAST_OF_WHOLE = 0.05  # determinant of the whole maps; what is below gets smoothed
MOST_REPAIRS = 12
_REACH = 3  # voxels around a place that are smoothed with it
# Voxels on an image's side around where something leads to that may lead to it, too, or differ from it: neighbours in
# the half-way space lie at most that far apart there.
_STRETCH = 3


@dataclass(frozen=True)
class _Near:
    """Flat numbers of the voxels on one image's side that lead to what was smoothed in the half-way space."""

    all: Tensor  # (P,)
    inner: Tensor  # (Q,) those of them whose neighbours are among them, too

    @classmethod
    def of(cls, smoothed: Tensor, u: Tensor) -> "_Near":
        """smoothed: (1, 1, I, J, K) bool; u: the map from the half-way space to that side."""
        shape = tuple(u.shape[2:])
        index = _widened(smoothed, _REACH + 1).flatten().nonzero()[:, 0]
        landing = (u[0].reshape(3, -1)[:, index] + voxels_of(index, shape)).round_().long()
        reached = torch.zeros_like(smoothed)
        reached[0, 0][tuple(row.clamp(0, n - 1) for row, n in zip(landing, shape, strict=True))] = True
        around = (_widened(reached, reach).flatten().nonzero()[:, 0] for reach in (_STRETCH, _STRETCH - 1))
        return cls(*around)


Sides = tuple[_Near | None, _Near | None]  # of the left map and of the right one


def sound(maps: HalfWay, step: Callable[[], None]) -> HalfWay:
    """The maps with exact inverses, smoothed wherever one of the two whole maps would fold on the grid."""
    maps = _with_exact_inverses(maps)
    squeezed = _squeezed_places(maps)
    for _ in range(MOST_REPAIRS):
        step()
        if not bool(squeezed.any()):
            break
        maps = _smoother(maps, squeezed)
        near = _Near.of(squeezed, maps.left), _Near.of(squeezed, maps.right)
        maps = _with_exact_inverses(maps, near)
        squeezed = _squeezed_places(maps, near)
    return maps


def smoothed_at(maps: HalfWay, where: Tensor) -> HalfWay:
    """The maps, smoother around `where` (1, 1, I, J, K) bool of the half-way space, with exact inverses."""
    return _with_exact_inverses(_smoother(maps, where))


def _smoother(maps: HalfWay, where: Tensor) -> HalfWay:
    weight = _spread(where, _REACH, maps.left)
    return replace(maps, left=_nearer_average(maps.left, weight), right=_nearer_average(maps.right, weight))


def _with_exact_inverses(maps: HalfWay, near: Sides = (None, None)) -> HalfWay:
    """near: elsewhere on the left's and the right's side they are exact."""
    pairs = (maps.left, maps.left_inverse), (maps.right, maps.right_inverse)
    inverses = (exact_inverse(*pair, where=side and side.all) for pair, side in zip(pairs, near, strict=True))
    return HalfWay(maps.left, maps.right, *inverses)


def _squeezed_places(maps: HalfWay, near: Sides = (None, None)) -> Tensor:
    """Points of the half-way space where forward or inverse is too squeezed, (1, 1, I, J, K) bool.

    A fold of the forward map lies on the fixed image's side, one of the inverse on the moving image's: each is
    brought back to the half-way space, where both sides can be smoothed alike. near: elsewhere there is none.
    """
    found = torch.zeros_like(maps.left[:, :1])
    inverse = maps.right, maps.left_inverse, maps.left, near[0]
    forward = maps.left, maps.right_inverse, maps.right, near[1]
    for outer, inner, half, side in (forward, inverse):
        if side is None:
            folded = too_squeezed(compose(outer, inner), LEAST_OF_WHOLE)
        else:
            folded = _too_squeezed_near(outer, inner, side)
        if bool(folded.any()):
            found = torch.maximum(found, warp(_widened(folded, 1).to(half), half))
    return found > 0


def _too_squeezed_near(outer: Tensor, inner: Tensor, near: _Near) -> Tensor:
    """`too_squeezed` of outer o inner, (1, 1, I, J, K) bool; False where nothing is near."""
    shape, whole = tuple(inner.shape[2:]), torch.empty_like(inner[0])
    first = inner[0].reshape(3, -1)[:, near.all]
    whole.view(3, -1)[:, near.all] = at(outer, voxels_of(near.all, shape).to(first) + first).add_(first)
    result = torch.zeros_like(inner[:, :1], dtype=torch.bool)
    result.view(-1)[near.inner] = ~(smallest_determinant_at(whole, near.inner) >= LEAST_OF_WHOLE)
    return result


def too_squeezed(u: Tensor, least: float) -> Tensor:
    """Where any one-sided determinant is below `least` (or NaN), (1, 1, I, J, K) bool."""
    return ~(smallest_determinant(u[0]) >= least)[None, None]


def calmed(u: Tensor, where: Tensor, reach: int = _REACH) -> Tensor:
    """u, replaced by its local average near `where` (1, 1, I, J, K) bool, fading out over `reach` voxels."""
    return _nearer_average(u, _spread(where, reach, u))


def _nearer_average(u: Tensor, weight: Tensor) -> Tensor:
    """u, by `weight` (1, 1, I, J, K) of the way at its local average."""
    weight = weight.flatten()
    index = weight.nonzero()[:, 0]  # few: looked up one by one
    calm = u.clone()
    values = calm[0].reshape(3, -1)
    values[:, index] = torch.lerp(values[:, index], _local_average(u, index), weight[index])
    return calm


def _local_average(u: Tensor, index: Tensor) -> Tensor:
    """(3, P) means over cubes of three voxels around places of flattened u; beyond the edge its edge counts."""
    shape = u.shape[2:]
    axes = zip(voxels_of(index, tuple(shape)), shape, strict=True)
    near = [[(axis + shift).clamp(0, n - 1) for shift in (-1, 0, 1)] for axis, n in axes]
    values = u[0].reshape(3, -1)
    return sum(values[:, (i * shape[1] + j) * shape[2] + k] for i, j, k in product(*near)) / 27


def damped(u: Tensor, where: Tensor, reach: int = _REACH) -> Tensor:
    """u, shrunk towards nothing near `where`, fading out over `reach` voxels."""
    return u * (1 - _spread(where, reach, u))


def _spread(where: Tensor, reach: int, like: Tensor) -> Tensor:
    """Places (1, 1, I, J, K) bool widened by up to `reach` voxels, with a soft rim; 0..1, of the type of `like`."""
    widened = _widened(where, reach - 1).to(like)
    return window_mean(widened, 3) / window_mean(torch.ones_like(widened), 3)


def _widened(where: Tensor, reach: int) -> Tensor:
    """Places (1, 1, I, J, K) bool and what is up to `reach` voxels from them along each axis."""
    return window_mean(where.float(), 2 * reach + 1) > 0
