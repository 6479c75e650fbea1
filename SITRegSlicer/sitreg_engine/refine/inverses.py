"""Inverses of composed maps, which need not be contractions any more."""

from itertools import product

import torch
from torch import Tensor

from sitreg_engine.mappings import compose, sample, voxels_of

TOLERANCE = 0.01  # voxels
MOST_STEPS = 20
_MOST_STARTS = 4  # where that many steps do not suffice


def exact_inverse(
    u: Tensor, v: Tensor, tolerance: float = TOLERANCE, most_steps: int = MOST_STEPS, where: Tensor | None = None
) -> Tensor:
    """v improved until |u(x + v) + v| is below `tolerance` voxels; both (1, 3, I, J, K), v fairly good already.

    `where`: the flat numbers (P,) of the voxels to look at; all when not given.

    With the error r(x) = v + u(x + v), the next v is v(x - r) - r: a Newton step in which the approximate inverse
    stands for the derivative. A voxel whose error would not fall keeps its value and tries half the step. Only
    voxels that are not good enough yet are looked at again: after one step that is a small part of them. Voxels that
    get nowhere begin again with the mean of what is around them: the inverse is continuous.
    """
    field = v.clone()
    index, error = _wrong(u, v, tolerance, where)
    for start in range(_MOST_STARTS):
        if start:
            field[0].reshape(3, -1)[:, index] = local_average(field, index)
            index, error = _wrong(u, field, tolerance, index)
        index = _improved(u, field, index, error, tolerance, most_steps)
        if not index.numel():
            break
    return field


def _improved(u: Tensor, field: Tensor, index: Tensor, error: Tensor, tolerance: float, most_steps: int) -> Tensor:
    """Changes `field` at the voxels `index` (P,), where its error is (3, P); those that are not good enough then."""
    size, current = error.abs().amax(dim=0), field[0].reshape(3, -1)[:, index]
    places = voxels_of(index, tuple(u.shape[2:])).to(u)
    damping = torch.ones_like(size)
    for _ in range(most_steps):
        if not index.numel():
            break
        step = damping * error
        candidate = sampled_at(field, places - step) - step
        new_error = candidate + sampled_at(u, places + candidate)
        better = new_error.abs().amax(dim=0) < size
        current, error = torch.where(better, candidate, current), torch.where(better, new_error, error)
        damping = torch.where(better, 1.0, damping / 2)
        field[0].reshape(3, -1)[:, index] = current
        size = error.abs().amax(dim=0)
        open_ = size > tolerance
        index, size, damping = index[open_], size[open_], damping[open_]
        places, current, error = places[:, open_], current[:, open_], error[:, open_]
    return index


def _wrong(u: Tensor, v: Tensor, tolerance: float, where: Tensor | None) -> tuple[Tensor, Tensor]:
    """(flat numbers (P,) of the voxels whose error is above `tolerance`, their errors (3, P))."""
    if where is None:
        error = compose(u, v)
        size = torch.maximum(error.amax(dim=1), -error.amin(dim=1)).flatten()
        index = (size > tolerance).nonzero()[:, 0]
        return index, error[0].reshape(3, -1)[:, index]
    current = v[0].reshape(3, -1)[:, where]
    error = sampled_at(u, voxels_of(where, tuple(u.shape[2:])).to(u) + current).add_(current)
    chosen = error.abs().amax(dim=0) > tolerance
    return where[chosen], error[:, chosen]


def sampled_at(field: Tensor, places: Tensor) -> Tensor:
    """A field (1, 3, I, J, K) at voxel positions (3, P) -> (3, P)."""
    if not places.numel():
        return torch.empty_like(places)
    return sample(field, places[None, :, :, None, None])[0, :, :, 0, 0]


def local_average(u: Tensor, numbers: Tensor) -> Tensor:
    """(3, P) means over cubes of three voxels around places of flattened u; beyond the edge its edge counts."""
    shape = tuple(u.shape[2:])
    axes = zip(voxels_of(numbers, shape), shape, strict=True)
    beside = [[(axis + shift).clamp(0, n - 1) for shift in (-1, 0, 1)] for axis, n in axes]
    values = u[0].reshape(3, -1)
    return sum(values[:, (i * shape[1] + j) * shape[2] + k] for i, j, k in product(*beside)) / 27
