"""How smooth the displacements are, in voxels; means over voxels, both directions and all pairs."""

import torch
from torch import Tensor

from sitreg_engine.roughness import roughness_of
from sitreg_engine.training.scored import Scored
from sitreg_engine.training.settings import LossSettings


def diffusion(scored: Scored, _settings: LossSettings) -> Tensor:
    """Squared forward differences of the displacement: mean over voxels and components, then over the three axes.

    (The regulariser of SITReg, Honkamaa & Marttinen 2024.)
    """
    return torch.stack([roughness_of(u) / 3 for p in scored.pairings for u in p.fields]).mean()


def bending(scored: Scored, _settings: LossSettings) -> Tensor:
    """Squared second differences (the mixed ones count twice): zero for every affine map. (Rueckert et al. 1999.)"""
    return torch.stack([_bending(u) for p in scored.pairings for u in p.fields]).mean()


def _bending(u: Tensor) -> Tensor:
    total = u.new_zeros(())
    for axis in (2, 3, 4):
        first = u.diff(dim=axis)
        total = total + (first.diff(dim=axis) ** 2).mean()
        for other in range(axis + 1, 5):
            total = total + 2 * (first.diff(dim=other) ** 2).mean()
    return total
