"""Losses of stationary velocity fields: how smooth they are, and how far from a prior what is known of them is."""

import torch
from torch import Tensor

from sitreg_engine.errors import InputError
from sitreg_engine.roughness import roughness_of
from sitreg_engine.training.scored import Scored
from sitreg_engine.training.settings import LossSettings


def velocity_gradient(scored: Scored, _settings: LossSettings) -> Tensor:
    """Squared forward differences of the velocity: mean over voxels and components, then over the three axes."""
    return torch.stack([roughness_of(v) / 3 for v in _found(scored, "velocity", "velocity_gradient")]).mean()


def kl(scored: Scored, settings: LossSettings) -> Tensor:
    """What the branch says of the velocity against a prior of smooth fields, but for a constant.

    (Kullback-Leibler divergence per voxel, Dalca et al., MICCAI 2018: the prior's precision matrix is `precision`
    times the Laplacian of the grid's graph, in which D counts a voxel's neighbours.)
    """
    found = [
        1.5 * (_spread(p.log_variance, settings.precision) + settings.precision / 6 * roughness_of(p.mean))
        for p in _found(scored, "posterior", "kl")
    ]
    return torch.stack(found).mean()


def _spread(log_variance: Tensor, precision: float) -> Tensor:
    """Smallest where the variance is 1 / (precision * D)."""
    return (precision * _neighbours(log_variance) * log_variance.exp() - log_variance).mean()


def _neighbours(like: Tensor) -> Tensor:
    """(I, J, K): how many of a voxel's six neighbours are in the grid."""
    count = like.new_zeros(like.shape[2:])
    for axis in range(3):
        count.narrow(axis, 1, count.shape[axis] - 1).add_(1)
        count.narrow(axis, 0, count.shape[axis] - 1).add_(1)
    return count


def _found(scored: Scored, name: str, loss: str) -> list:
    """That of each registration. Raises InputError where a network makes none."""
    found = [getattr(pairing.registration, name, None) for pairing in scored.pairings]
    if any(value is None for value in found):
        raise InputError(
            f"The loss {loss} needs a network with a {name}, such as DDR-Net"
            + (' in its phases "local" and "global"' if name == "posterior" else "")
            + ": take another loss."
        )
    return found
