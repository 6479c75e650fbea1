"""The last word on topology: the fields that are SAVED must not fold, on their own grids.

The half-way maps are free of folds on the working grid. Sampled anew around each image, a place that is squeezed
hard may fold after all; there the half-way maps are smoothed a little, on both sides alike, and composed again.
Between the two the fields are balanced, so that they undo each other better than their samples alone would.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from .balance import balanced, smoothed_around
from .compose import Chain, WorldMaps, chains, compose_fields, dense_boxes
from .geometry import Grid, apply
from .models.halfway import HalfWay
from .prepare import Pair
from .quality.jacobian import JacobianMaps, folds, jacobian_maps
from .refine.topology import smoothed_at

MOST_ATTEMPTS = 6
# Of balancing: each costs overlap. Measured on a pair of brains at 1 mm: inverse consistency error 0.015 mm (largest
# 0.46) after one, 0.014 (0.28) after two; Dice 0.678, 0.676.
ROUNDS = 1
_MOST_SMOOTHED = 6


@dataclass(frozen=True)
class JudgedMaps(WorldMaps):
    """Both fields with the determinants that say whether they fold."""

    forward_jacobian: JacobianMaps
    inverse_jacobian: JacobianMaps


def compose_without_folds(
    pair: Pair, maps: HalfWay, fixed: Grid, moving: Grid, step: Callable[[float], None]
) -> JudgedMaps:
    """The composed fields; free of folds unless MOST_ATTEMPTS do not suffice (the measures will say so).

    `step(fraction)` is called now and then, and may raise to stop.
    """
    for attempt in range(MOST_ATTEMPTS):
        check = partial(step, attempt / MOST_ATTEMPTS)
        check()
        fields = _balanced(pair, compose_fields(pair, maps, fixed, moving, check), check)
        places = _folded_places(fields, chains(pair, maps), maps.left)
        if places is None or attempt == MOST_ATTEMPTS - 1:
            break
        with torch.inference_mode():
            maps = smoothed_at(maps, places)
    return fields


def _balanced(pair: Pair, fields: WorldMaps, check: Callable[[], None]) -> JudgedMaps:
    """The fields, balanced wherever that brings no folds."""
    better = WorldMaps(*balanced(fields.forward, fields.inverse, dense_boxes(pair, fields), ROUNDS, check))
    for _ in range(_MOST_SMOOTHED):
        found = _judged(better, check)
        folded = [folds(jacobian.smallest) for jacobian in (found.forward_jacobian, found.inverse_jacobian)]
        if not any(where.any() for where in folded):
            return found
        better = WorldMaps(smoothed_around(better.forward, folded[0]), smoothed_around(better.inverse, folded[1]))
    return _judged(fields, check)


def _judged(fields: WorldMaps, check: Callable[[], None]) -> JudgedMaps:
    forward, inverse = fields.forward, fields.inverse
    return JudgedMaps(forward, inverse, jacobian_maps(forward, check), jacobian_maps(inverse, check))


def _folded_places(fields: JudgedMaps, maps: tuple[Chain, Chain], like: Tensor) -> Tensor | None:
    """Where in the half-way space either field folds, (1, 1, I, J, K) bool; None where none does."""
    shape = np.array(like.shape[2:])
    found = np.zeros(shape, bool)
    for jacobian, chain in zip((fields.forward_jacobian, fields.inverse_jacobian), maps, strict=True):
        points = apply(jacobian.grid.voxel_to_world, np.argwhere(folds(jacobian.smallest)))  # (N, 3) LPS mm
        if len(points):
            voxels = np.clip(np.rint(chain.half_way(points)).astype(int), 0, shape - 1)
            found[tuple(voxels.T)] = True
    return torch.from_numpy(found).to(like.device)[None, None] if found.any() else None
