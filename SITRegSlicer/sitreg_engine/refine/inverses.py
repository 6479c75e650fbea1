"""Inverses of composed maps, which need not be contractions any more."""

import torch
from torch import Tensor

from sitreg_engine.mappings import compose, sample

TOLERANCE = 0.01  # voxels
MOST_STEPS = 20


def exact_inverse(u: Tensor, v: Tensor, tolerance: float = TOLERANCE, most_steps: int = MOST_STEPS) -> Tensor:
    """v improved until |u(x + v) + v| is below `tolerance` voxels; both (1, 3, I, J, K), v fairly good already.

    With the error r(x) = v + u(x + v), the next v is v(x - r) - r: a Newton step in which the approximate inverse
    stands for the derivative. A voxel whose error would not fall keeps its value and tries half the step. Only
    voxels that are not good enough yet are looked at again: after one step that is a small part of them.
    """
    field, error = v.clone(), compose(u, v)
    size = torch.maximum(error.amax(dim=1), -error.amin(dim=1)).flatten()
    index = (size > tolerance).nonzero()[:, 0]
    size, error, current = size[index], *(x[0].reshape(3, -1)[:, index] for x in (error, v))
    places = _voxels(index, tuple(u.shape[2:])).to(u)
    damping = torch.ones_like(size)
    for _ in range(most_steps):
        if not index.numel():
            break
        step = damping * error
        candidate = _at(field, places - step) - step
        new_error = candidate + _at(u, places + candidate)
        better = new_error.abs().amax(dim=0) < size
        current, error = torch.where(better, candidate, current), torch.where(better, new_error, error)
        damping = torch.where(better, 1.0, damping / 2)
        field[0].reshape(3, -1)[:, index] = current
        size = error.abs().amax(dim=0)
        open_ = size > tolerance
        index, size, damping = index[open_], size[open_], damping[open_]
        places, current, error = places[:, open_], current[:, open_], error[:, open_]
    return field


def _voxels(index: Tensor, shape: tuple[int, int, int]) -> Tensor:
    """(3, P) voxel indices of positions in a flattened box."""
    plane = shape[1] * shape[2]
    return torch.stack([index // plane, index // shape[2] % shape[1], index % shape[2]])


def _at(field: Tensor, places: Tensor) -> Tensor:
    """A field (1, 3, I, J, K) at voxel positions (3, P) -> (3, P)."""
    return sample(field, places[None, :, :, None, None])[0, :, :, 0, 0]
