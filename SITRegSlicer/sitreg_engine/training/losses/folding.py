"""How much the maps fold between voxels."""

import itertools

import torch
import torch.nn.functional as F
from torch import Tensor

from sitreg_engine.training.scored import Scored
from sitreg_engine.training.settings import LossSettings


def negative_jacobian(scored: Scored, settings: LossSettings) -> Tensor:
    """Mean of max(-det, 0) over the Jacobians by forward differences; zero for maps without folds.

    Of both maps, or with space "fixed" of the forward one alone.
    """
    fields = [u for p in scored.pairings for u in (p.fields[:1] if settings.space == "fixed" else p.fields)]
    found = [F.relu(-_determinants(u, (1, 1, 1))).mean() for u in fields]
    return torch.stack(found).mean()


def non_diffeomorphic_volume(scored: Scored, _settings: LossSettings) -> Tensor:
    """The volume in voxels that is turned inside out, a mean over both directions and all pairs.

    Every cell between eight voxels is cut into five tetrahedra, in both ways that there are; the volumes of those
    that the map turns over are added up, and averaged over the two ways. (Liu et al., IJCV 2024.)
    """
    return torch.stack([_turned_volume(u) for p in scored.pairings for u in p.fields]).mean()


def _turned_volume(u: Tensor) -> Tensor:
    """Six times a tetrahedron's volume is its determinant, and there are two ways: hence the twelfth."""
    corners = itertools.product((1, -1), repeat=3)
    total = sum(F.relu(-_determinants(u, signs)).sum() for signs in corners)
    return (total + sum(F.relu(-inner).sum() for inner in _inner_determinants(u))) / 12


def _determinants(u: Tensor, signs: tuple[int, int, int]) -> Tensor:
    """One-sided Jacobian determinants of x + u(x), for each cell the one at the corner that `signs` look away from."""
    steps = []
    for axis in range(3):
        column = _at_corner(u.diff(dim=axis + 2), [s for a, s in enumerate(signs) if a != axis], axis)
        steps.append(column + _unit(axis, u))
    return _triple(*steps)


def _at_corner(x: Tensor, signs: list[int], axis: int) -> Tensor:
    """Along the two axes other than `axis`: the first n - 1 voxels (sign 1: the corner is the cell's first) or last."""
    others = [a for a in range(3) if a != axis]
    for other, sign in zip(others, signs, strict=True):
        x = x.narrow(other + 2, 0 if sign > 0 else 1, x.shape[other + 2] - 1)
    return x


def _inner_determinants(u: Tensor) -> tuple[Tensor, Tensor]:
    """Determinants of the tetrahedron in the middle of each cell, between every other corner, for the two ways."""
    ends = _corner_positions(u)
    first = [ends[c] for c in ((1, 1, 1), (0, 1, 0), (1, 0, 0), (0, 0, 1))]
    second = [ends[c] for c in ((0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 0))]
    return _spanned(first), _spanned(second)


def _spanned(points: list[Tensor]) -> Tensor:
    """Determinant of the edges from the first of four points, positive for an unmoved cell."""
    a, b, c = (point - points[0] for point in points[1:])
    return _triple(a, b, c)


def _corner_positions(u: Tensor) -> dict[tuple[int, int, int], Tensor]:
    """Where the eight corners of every cell go, relative to the cell's first voxel."""
    found = {}
    for corner in itertools.product((0, 1), repeat=3):
        part = u
        for axis, offset in enumerate(corner):
            part = part.narrow(axis + 2, offset, u.shape[axis + 2] - 1)
        shift = torch.tensor(corner, dtype=u.dtype, device=u.device).reshape(1, 3, 1, 1, 1)
        found[corner] = part + shift
    return found


def _unit(axis: int, like: Tensor) -> Tensor:
    unit = torch.zeros(3, dtype=like.dtype, device=like.device)
    unit[axis] = 1.0
    return unit.reshape(1, 3, 1, 1, 1)


def _triple(a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    """a . (b x c) of vectors (1, 3, ...) -> (1, ...); by components, ten times as fast as torch's cross product."""
    b0, b1, b2 = b.unbind(1)
    c0, c1, c2 = c.unbind(1)
    a0, a1, a2 = a.unbind(1)
    return a0 * (b1 * c2 - b2 * c1) + a1 * (b2 * c0 - b0 * c2) + a2 * (b0 * c1 - b1 * c0)
