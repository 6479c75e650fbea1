"""The last word on topology: the fields that are SAVED must not fold, on their own grids.

The half-way maps are free of folds on the working grid. Sampled anew around each image, a place that is squeezed
hard may fold after all, or bend too hard for the two fields to undo each other between their samples; there the
half-way maps are smoothed a little, on both sides alike, and composed again; more of it where that was not enough. In
between the fields are balanced, so that they undo each other better than their samples alone would.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from .balance import Balanced, balanced, smoothed_around
from .compose import Chain, WorldMaps, chains, compose_fields, dense_boxes
from .geometry import Grid, apply
from .lattices import slab_boxes
from .models.halfway import HalfWay
from .prepare import Pair
from .quality.jacobian import JacobianMaps, folds, jacobian_maps
from .recompose import changed_voxels, compose_again
from .refine.topology import MOST_REACH, smoothed_at

MOST_ATTEMPTS = 6
MOST_APART = 0.01  # of a field's voxels; where more are apart, it is not because of how hard a few places bend
_PATIENCE = 2  # attempts; after so many, fields may be apart where they are
_STUBBORN = 4  # attempts; after so many, what still folds is smoothed in the balanced fields, each by itself
_MOST_SMOOTHED = 6
# Around a place that is smoothed, mm. Measured on predictions with voxels of 2 mm with 3 and 2 of them: Dice 0.612 and
# 0.620 (two brains at 1 mm), 0.692 and 0.696 (two heads at 2 mm).
_REACH = 4.0


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
    composed = compose_fields(pair, maps, fixed, moving, partial(step, 0.0))
    reach = min(round(_REACH / pair.grid.spacing[0]) or 1, MOST_REACH)
    # Balanced once: a second time costs overlap. Measured on a pair of brains at 1 mm: Dice 0.675 and 0.673.
    parts, better = tuple(map(slab_boxes, dense_boxes(pair, composed))), None
    for attempt in range(MOST_ATTEMPTS):
        check = partial(step, attempt / MOST_ATTEMPTS)
        better = balanced(composed.forward, composed.inverse, parts, check, better)
        voxels = _few_apart(better, MOST_APART if attempt < _PATIENCE else 0)
        if not any(map(len, voxels)):
            fields = _judged(better, check) if attempt < _STUBBORN else _smoothed(composed, better, check)
            voxels = _folded(fields)
        places = _places(composed, voxels, chains(pair, maps), maps.left)
        if places is None or attempt == MOST_ATTEMPTS - 1:
            break
        with torch.inference_mode():
            smoother = smoothed_at(maps, places, attempt + 1, reach)
        parts = changed_voxels(pair, maps, smoother, composed)
        maps = smoother
        compose_again(pair, maps, composed, parts, check)
    return fields


def _smoothed(composed: WorldMaps, better: Balanced, check: Callable[[], None]) -> JudgedMaps:
    """The balanced fields, a little smoother where balancing has brought folds; the composed ones if that fails."""
    fields: WorldMaps = better
    for _ in range(_MOST_SMOOTHED):
        found = _judged(fields, check)
        folded = _folds(found)
        if not any(where.any() for where in folded):
            return found
        fields = WorldMaps(smoothed_around(fields.forward, folded[0]), smoothed_around(fields.inverse, folded[1]))
    return _judged(composed, check)


def _judged(fields: WorldMaps, check: Callable[[], None]) -> JudgedMaps:
    forward, inverse = fields.forward, fields.inverse
    return JudgedMaps(forward, inverse, jacobian_maps(forward, check), jacobian_maps(inverse, check))


def _few_apart(better: Balanced, most: float) -> tuple[np.ndarray, np.ndarray]:
    """The voxels (N, 3) of either field that were apart; none where these are a larger share of it than `most`."""
    found = []
    for apart, field in zip(better.apart, (better.forward, better.inverse), strict=True):
        few = len(apart) <= most * np.prod(field.grid.shape)
        found.append(apart if few else apart[:0])
    return found[0], found[1]


def _folded(fields: JudgedMaps) -> tuple[np.ndarray, np.ndarray]:
    """The folded voxels (N, 3) of either field."""
    forward, inverse = _folds(fields)
    return np.argwhere(forward), np.argwhere(inverse)


def _folds(fields: JudgedMaps) -> tuple[np.ndarray, np.ndarray]:
    """Where either field folds, bool on its own grid."""
    return folds(fields.forward_jacobian.smallest), folds(fields.inverse_jacobian.smallest)


def _places(
    fields: WorldMaps, voxels: tuple[np.ndarray, np.ndarray], maps: tuple[Chain, Chain], like: Tensor
) -> Tensor | None:
    """Where some voxels (N, 3) of either field lie in the half-way space, (1, 1, I, J, K) bool; None for none."""
    shape = np.array(like.shape[2:])
    found = np.zeros(shape, bool)
    for field, chosen, chain in zip((fields.forward, fields.inverse), voxels, maps, strict=True):
        if len(chosen):
            points = apply(field.grid.voxel_to_world, chosen)  # (N, 3) LPS mm
            found[tuple(np.clip(np.rint(chain.half_way(points)).astype(int), 0, shape - 1).T)] = True
    return torch.from_numpy(found).to(like.device)[None, None] if found.any() else None
