"""One judge for all: ten pairs of people that no network has seen, brains alone, aligned as at inference."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from accuracy_pairs import ROOT, Case, data_folder, pairs_of
from claims_methods import SPACING
from torch import Tensor

from sitreg_engine.determinants import determinants, one_sided
from sitreg_engine.geometry import Grid
from sitreg_engine.mappings import compose, identity, sample, warp
from sitreg_engine.prepare import Pair
from sitreg_engine.quality.overlap import common_labels, dice
from sitreg_engine.training.fields_of_view import stripped
from sitreg_engine.training.poses import pair_poses
from sitreg_engine.training.subjects import load_subject
from sitreg_engine.training.table import Row
from sitreg_engine.training.views import Group, View, make_group

# Both displacements (1, 3, I, J, K) in voxels: on the second view's grid into the first, and the other way round.
Maps = tuple[Tensor, Tensor]
Register = Callable[[View, View], Maps]
_WIDER = 1  # voxel of 2 mm around a stripped brain
_LEAST = 1e-3  # of determinants, before their logarithm


@dataclass(frozen=True)
class PairScore:
    """Means of both directions."""

    name: str
    dice_before: float
    dice: float
    rmse_before: float  # of the normalised intensities, where both images show something
    rmse: float
    folded: float  # voxels where one of the eight one-sided determinants is not positive, anywhere in the field
    folded_percent: float
    inverse_error: float  # mean mm of going there and back by the two maps that belong together
    cycle_error: float  # mean mm of going there by the pair's map and back by that of the swapped pair
    swapped_voxels: float  # largest difference of the pair's map to the swapped pair's inverse one
    spread: float  # standard deviation of the logarithm of the determinant, in the labelled part
    cpu_seconds: float  # for both maps
    wall_seconds: float


@dataclass(frozen=True)
class Judged:
    """All pairs of one method."""

    name: str
    pairs: tuple[PairScore, ...]

    @classmethod
    def read(cls, found: dict) -> "Judged":
        return cls(found["name"], tuple(PairScore(**pair) for pair in found["pairs"]))

    def values(self, measure: str) -> np.ndarray:
        """One number for each pair."""
        return np.array([getattr(pair, measure) for pair in self.pairs])

    def mean(self, measure: str) -> float:
        return float(self.values(measure).mean())


def judged(name: str, register: Register, pairs: Sequence[tuple[str, Group]]) -> Judged:
    """Every pair is registered in both orders; seconds are those of the first."""
    register(*pairs[0][1].views)  # what is loaded once
    return Judged(name, tuple(_scored(label, register, group) for label, group in pairs))


def judged_pairs(count: int) -> list[tuple[str, Group]]:
    """(name, moving and fixed view) of neighbours among the validation people. Raises FileNotFoundError."""
    cache = ROOT / "runs" / "cache"
    found = []
    for pair in pairs_of("ixi", data_folder())[:count]:
        rows = [_row(case) for case in (pair.moving, pair.fixed)]
        subjects = [stripped(load_subject(row, cache), _WIDER) for row in rows]
        found.append((pair.name, make_group(subjects, pair_poses(*rows, cache), SPACING)))
    return found


def _row(case: Case) -> Row:
    return Row(str(case.image), str(case.labels), "", case.name, "test")


def pair_of(moving: View, fixed: View, spacing: float) -> Pair:
    """Two views as models get them."""
    shape = tuple(moving.image.shape[2:])
    grid = Grid(shape, (spacing,) * 3, (0.0, 0.0, 0.0), tuple(map(float, np.eye(3).ravel())))
    masks = fixed.mask, moving.mask
    return Pair(moving.image, fixed.image, *masks, fixed.seen, moving.seen, grid, np.eye(4), np.eye(4))


def _scored(name: str, register: Register, group: Group) -> PairScore:
    moving, fixed = group.views
    cpu, wall = time.process_time(), time.perf_counter()
    there, back = register(moving, fixed)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    swapped_there, swapped_back = register(fixed, moving)
    still, ways = torch.zeros_like(there), ((moving, fixed, there), (fixed, moving, back))
    brains = [(view.labels != 0)[0, 0] for view in (fixed, moving)]
    regular = [_regularity(u, brain) for u, brain in zip((there, back), brains, strict=True)]
    folded = float(np.mean([count for count, _ in regular]))
    return PairScore(
        name,
        dice_before=_mean(_dice(a, b, still) for a, b, _ in ways),
        dice=_mean(_dice(*way) for way in ways),
        rmse_before=_mean(_rmse(a, b, still) for a, b, _ in ways),
        rmse=_mean(_rmse(*way) for way in ways),
        folded=folded,
        folded_percent=100 * folded / there[0, 0].numel(),
        inverse_error=group.spacing * _mean((_far(there, back), _far(back, there))),
        cycle_error=group.spacing * _mean((_far(there, swapped_there), _far(swapped_there, there))),
        swapped_voxels=max(float((a - b).abs().max()) for a, b in ((there, swapped_back), (back, swapped_there))),
        spread=_mean(spread for _, spread in regular),
        cpu_seconds=cpu,
        wall_seconds=wall,
    )


def _mean(values) -> float:
    return float(np.mean(list(values)))


def _far(outer: Tensor, inner: Tensor) -> float:
    """Mean distance in voxels of a voxel from where it comes out."""
    return float(compose(outer, inner).norm(dim=1).mean())


def _dice(moving: View, fixed: View, u: Tensor) -> float:
    """Mean over the labels that both have, by nearest neighbours."""
    brought = sample(moving.labels.float(), identity(tuple(u.shape[2:]), u) + u, mode="nearest")
    maps = [labels[0, 0].round().int().numpy() for labels in (fixed.labels, brought)]
    return float(np.nanmean(dice(*maps, common_labels(fixed.labels[0, 0].numpy(), moving.labels[0, 0].numpy()))))


def _rmse(moving: View, fixed: View, u: Tensor) -> float:
    seen = fixed.seen * warp(moving.seen, u)
    error = (warp(moving.target, u) - fixed.target) ** 2 * seen
    return float((error.sum() / seen.sum()).sqrt())


def _regularity(u: Tensor, brain: Tensor) -> tuple[int, float]:
    """(folded voxels of the field, standard deviation of log det in the brain)."""
    smallest, central = determinants(*one_sided(u[0], slice(0, u.shape[2])))
    return int((smallest <= 0).sum()), float(central[brain].clamp_min(_LEAST).log().std())
