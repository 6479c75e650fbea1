"""The last word on topology: the fields that are SAVED must not fold, on their own grids.

The half-way maps are free of folds on the working grid. Sampled anew around each image, a place that is squeezed
hard may fold after all; there the half-way maps are smoothed a little, on both sides alike, and composed again.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from .compose import Chain, WorldMaps, chains, compose_fields
from .fields import DisplacementField
from .geometry import Grid, apply
from .models.sitreg.halfway import HalfWay
from .prepare import Pair
from .quality.jacobian import folds, jacobian_maps
from .refine.topology import smoothed_at

MOST_ATTEMPTS = 6


def compose_without_folds(
    pair: Pair, maps: HalfWay, fixed: Grid, moving: Grid, step: Callable[[float], None]
) -> WorldMaps:
    """The composed fields; free of folds unless MOST_ATTEMPTS do not suffice (the measures will say so)."""
    for attempt in range(MOST_ATTEMPTS):
        step(attempt / MOST_ATTEMPTS)
        fields = compose_fields(pair, maps, fixed, moving)
        places = _folded_places(fields, chains(pair, maps), maps.left)
        if places is None or attempt == MOST_ATTEMPTS - 1:
            break
        with torch.inference_mode():
            maps = smoothed_at(maps, places)
    return fields


def _folded_places(fields: WorldMaps, maps: tuple[Chain, Chain], like: Tensor) -> Tensor | None:
    """Where in the half-way space either field folds, (1, 1, I, J, K) bool; None where none does."""
    shape = np.array(like.shape[2:])
    found = np.zeros(shape, bool)
    for field, chain in zip((fields.forward, fields.inverse), maps, strict=True):
        points = _folded_points(field)
        if len(points):
            voxels = np.clip(np.rint(chain.half_way(points)).astype(int), 0, shape - 1)
            found[tuple(voxels.T)] = True
    return torch.from_numpy(found).to(like.device)[None, None] if found.any() else None


def _folded_points(field: DisplacementField) -> np.ndarray:
    """World positions (N, 3) of the voxels where any one-sided determinant is not positive, LPS mm."""
    return apply(field.grid.voxel_to_world, np.argwhere(folds(jacobian_maps(field).smallest)))
