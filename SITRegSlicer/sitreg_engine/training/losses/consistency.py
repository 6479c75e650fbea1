"""Whether maps agree with each other: there and back, and round a triangle of images. Mean squared voxels."""

import torch
from torch import Tensor

from sitreg_engine.mappings import compose
from sitreg_engine.training.scored import Scored
from sitreg_engine.training.settings import LossSettings


def inverse_consistency(scored: Scored, _settings: LossSettings) -> Tensor:
    """Mean squared displacement of going there and back. SITReg has next to none; other models may need it."""
    found = []
    for pairing in scored.pairings:
        f12, f21 = pairing.fields
        found += [(compose(f12, f21) ** 2).mean(), (compose(f21, f12) ** 2).mean()]
    return torch.stack(found).mean()


def group_consistency(scored: Scored, _settings: LossSettings) -> Tensor:
    """Of three images: mean squared difference of the direct map and the way over the third one, in all six cases."""
    maps = {}
    for p in scored.pairings:
        maps[p.first, p.second], maps[p.second, p.first] = p.fields  # (to, from the grid of)
    found = [
        ((compose(maps[a, over], maps[over, b]) - maps[a, b]) ** 2).mean()
        for a, b in maps
        for over in {0, 1, 2} - {a, b}
    ]
    return torch.stack(found).mean()
