"""Inverses of composed maps, which need not be contractions any more."""

import torch
from torch import Tensor

from sitreg_engine.mappings import identity, sample

TOLERANCE = 0.01  # voxels
MOST_STEPS = 20


def exact_inverse(u: Tensor, v: Tensor, tolerance: float = TOLERANCE, most_steps: int = MOST_STEPS) -> Tensor:
    """v improved until |u(x + v) + v| is below `tolerance` voxels; both (1, 3, I, J, K), v fairly good already.

    With the error r(x) = v + u(x + v), the next v is v(x - r) - r: a Newton step in which the approximate inverse
    stands for the derivative. A voxel whose error would not fall keeps its value and tries half the step. Only
    voxels that are not good enough yet are looked at again: after one step that is a small part of them.
    """
    places = identity(tuple(u.shape[2:]), u)[0].reshape(3, -1)  # (3, P) voxels
    field = v.clone()
    current = field[0].reshape(3, -1).clone()
    error = current + _at(u, places + current)
    index = torch.arange(places.shape[1], device=u.device)
    damping = torch.ones_like(error[:1])
    for _ in range(most_steps):
        size = error.abs().amax(dim=0)
        open_ = size > tolerance
        if not bool(open_.any()):
            break
        places, current, error, damping, index = (t[..., open_] for t in (places, current, error, damping, index))
        step = damping * error
        candidate = _at(field, places - step) - step
        new_error = candidate + _at(u, places + candidate)
        better = new_error.abs().amax(dim=0) < size[open_]
        current, error = torch.where(better, candidate, current), torch.where(better, new_error, error)
        damping = torch.where(better, 1.0, damping / 2)
        field[0].reshape(3, -1)[:, index] = current
    return field


def _at(field: Tensor, places: Tensor) -> Tensor:
    """A field (1, 3, I, J, K) at voxel positions (3, P) -> (3, P)."""
    return sample(field, places[None, :, :, None, None])[0, :, :, 0, 0]
