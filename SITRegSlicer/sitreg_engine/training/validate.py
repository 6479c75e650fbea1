"""What the averaged network makes of pairs that it does not train on."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from sitreg_engine.determinants import smallest_determinant
from sitreg_engine.mappings import compose, identity, sample
from sitreg_engine.models.halfway import Registration
from sitreg_engine.quality.overlap import common_labels, dice

from .losses.agreement import local_ncc
from .scored import Pairing, Scored
from .settings import LossSettings
from .views import Group, View


@dataclass(frozen=True)
class Validation:
    """Means over the pairs and both directions; of Dice over those with labels."""

    dice: float  # 0..1; NaN without label maps
    dice_before: float
    folded: float  # voxels with a negative one-sided determinant, of the labelled part where there are labels
    inverse_error: float  # mean mm of going there and back
    local_ncc: float  # -1..0

    @property
    def score(self) -> float:
        """Higher is better: Dice where there are labels."""
        return self.dice if np.isfinite(self.dice) else -self.local_ncc


@torch.no_grad()
def validate(network: nn.Module, groups: Sequence[Group], device: torch.device) -> Validation:
    """Register every pair. The first two views of a group are its pair."""
    network.eval()
    found = []
    for group in groups:
        one, two = (on_device(view, device) for view in group.views[:2])
        found.append(_judged(one, two, network(one.image, two.image), group.spacing))
    overlaps, others = np.split(np.array(found), [2], axis=1)
    return Validation(*_mean_of_known(overlaps), *others.mean(axis=0).tolist())


def _mean_of_known(overlaps: np.ndarray) -> list[float]:
    """Of each column (pairs, columns), over the pairs with labels; NaN without any."""
    known = overlaps[np.isfinite(overlaps).all(axis=1)]
    return (known.mean(axis=0) if len(known) else np.full(overlaps.shape[1], np.nan)).tolist()


def on_device(view: View, device: torch.device) -> View:
    """The view's tensors there."""
    return View(*(None if tensor is None else tensor.to(device) for tensor in vars(view).values()))


def _judged(one: View, two: View, found: Registration, spacing: float) -> list[float]:
    directions = ((one, two, found.f12, found.f21), (two, one, found.f21, found.f12))
    scores = [_dice(moving.labels, fixed.labels, u) for moving, fixed, u, _ in directions]
    before = [_dice(moving.labels, fixed.labels, torch.zeros_like(u)) for moving, fixed, u, _ in directions]
    folds = [_folded(u, fixed.labels) for _, fixed, u, _ in directions]
    errors = [float(compose(u, back).norm(dim=1).mean()) * spacing for _, _, u, back in directions]
    pairing = Pairing(0, 1, one, two, found)
    similarity = float(local_ncc(Scored(Group((one, two), spacing), [pairing]), LossSettings("local_ncc")))
    return [*(float(np.mean(values)) for values in (scores, before, folds, errors)), similarity]


def _dice(moving: Tensor | None, fixed: Tensor | None, u: Tensor) -> float:
    """Mean over the labels that both have, nearest neighbours."""
    if moving is None or fixed is None:
        return float("nan")
    warped = sample(moving.float(), identity(tuple(u.shape[2:]), u) + u, mode="nearest")
    maps = [labels[0, 0].round().int().cpu().numpy() for labels in (fixed, warped)]
    labels = common_labels(fixed[0, 0].cpu().numpy(), moving[0, 0].cpu().numpy())
    return float(np.nanmean(dice(*maps, labels))) if labels else float("nan")


def _folded(u: Tensor, labels: Tensor | None) -> float:
    folded = smallest_determinant(u[0]) <= 0
    return float((folded if labels is None else folded & (labels[0, 0] != 0)).sum())
