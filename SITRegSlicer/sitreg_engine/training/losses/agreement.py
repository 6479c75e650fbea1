"""How alike the images are where they meet; each is a mean over the comparisons of all pairs, lower is better.

With masks, only what lies in either of the two is asked to agree.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from sitreg_engine.refine.local_ncc import local_ncc_loss
from sitreg_engine.training.scored import Compared, Scored
from sitreg_engine.training.settings import LossSettings

_SMALL = 1e-6


def local_ncc(scored: Scored, settings: LossSettings) -> Tensor:
    """-1..0: minus the squared correlation in windows of `window` voxels, a mean over all voxels of the grid."""
    return _mean(scored, settings, lambda c: local_ncc_loss(c.a, c.b, c.seen, c.wanted, settings.window))


def mse(scored: Scored, settings: LossSettings) -> Tensor:
    """Mean squared difference where both images show something; intensities are normalised, so it is at most 1.44."""
    return _mean(scored, settings, _squared_difference)


def global_ncc(scored: Scored, settings: LossSettings) -> Tensor:
    """-1..1: minus the correlation coefficient of all that both images show."""
    return _mean(scored, settings, _negative_correlation)


def _squared_difference(c: Compared) -> Tensor:
    weight = c.seen * c.wanted
    return ((c.a - c.b) ** 2 * weight).sum() / weight.sum().clamp_min(1.0)


def _negative_correlation(c: Compared) -> Tensor:
    weight = c.seen * c.wanted
    total = weight.sum().clamp_min(1.0)
    a, b = ((image - (image * weight).sum() / total) * weight for image in (c.a, c.b))
    variances = (a * a).sum() / total, (b * b).sum() / total
    return -((a * b).sum() / total) / torch.sqrt(variances[0] * variances[1] + _SMALL**2)


def _mean(scored: Scored, settings: LossSettings, measure: Callable[[Compared], Tensor]) -> Tensor:
    found = [measure(c) for pairing in scored.pairings for c in pairing.compared(settings.space)]
    return torch.stack(found).mean()
