"""Weak supervision: label maps of the training images shall come to lie on each other."""

import numpy as np
import torch
from torch import Tensor

from sitreg_engine.lattices import box_around
from sitreg_engine.mappings import identity, sample
from sitreg_engine.training.scored import Brought, Scored
from sitreg_engine.training.settings import LossSettings

_MARGIN = 6  # voxels around the labels in which overlap is looked for
_SMALL = 1.0  # voxels; an absent label has no say


def soft_dice(scored: Scored, settings: LossSettings) -> Tensor:
    """1 - mean soft Dice of `labels` ids drawn at random out of those that both images have; 0 without label maps.

    2 sum(ab) / sum(a^2 + b^2) of the interpolated indicator functions. (Milletari et al. 2016.)
    """
    found = []
    for number, pairing in enumerate(scored.pairings):
        rng = np.random.default_rng([*scored.seed, number])
        maps = pairing.view_1.labels, pairing.view_2.labels
        if maps[0] is None or maps[1] is None or not len(ids := _common(*maps)):
            continue
        ids = torch.from_numpy(rng.permutation(ids)[: settings.labels]).to(maps[0])
        box = _box(maps, ids)
        found += [_loss(*meeting, ids, box) for meeting in pairing.meetings(settings.space)]
    if not found:
        return scored.pairings[0].registration.halfway.left.new_zeros(())
    return torch.stack(found).mean()


def _common(one: Tensor, other: Tensor) -> np.ndarray:
    ids = np.intersect1d(torch.unique(one).cpu().numpy(), torch.unique(other).cpu().numpy())
    return ids[ids != 0]


def _box(maps: tuple[Tensor, Tensor], ids: Tensor) -> tuple[slice, ...]:
    """Slices of the grid around the labels in either map: most of a head is no brain, and need not be compared."""
    used = torch.isin(maps[0][0, 0], ids) | torch.isin(maps[1][0, 0], ids)
    return box_around(used.cpu().numpy(), _MARGIN)


def _loss(a: Brought, b: Brought, ids: Tensor, box: tuple[slice, ...]) -> Tensor:
    one, other = _indicators(a, ids, box), _indicators(b, ids, box)
    both = (one * other).sum(dim=(2, 3, 4))
    sizes = (one * one + other * other).sum(dim=(2, 3, 4))
    return 1 - (2 * both / sizes.clamp_min(_SMALL)).mean()


def _indicators(brought: Brought, ids: Tensor, box: tuple[slice, ...]) -> Tensor:
    """(1, labels, i, j, k) 0..1 in the box: 1 where the view, brought there, has the label."""
    part = (slice(None), slice(None), *box)
    if brought.u is None:
        return (brought.view.labels[part] == ids[:, None, None, None]).float()
    sharp = (brought.view.labels == ids[:, None, None, None]).float()
    places = identity(tuple(brought.u.shape[2:]), brought.u) + brought.u
    return sample(sharp, places[part])
