"""Composed fields once more, after the half-way maps have changed in a few places: only what leads there.

Smoothing moves nothing across the rim of what is smoothed, so that on either image's side the changed places lead
to the same points as before, and to no others.
"""

from collections.abc import Callable, Sequence
from functools import partial

import torch

from .compose import WorldMaps, chains
from .geometry import apply
from .lattices import Part, Voxels, in_parts, voxels_around
from .models.halfway import HalfWay
from .prepare import Pair

_MARGIN = 4  # voxels of a field: so far apart neighbours in the half-way space may come to lie


def changed_voxels(
    pair: Pair, before: HalfWay, after: HalfWay, fields: WorldMaps
) -> tuple[Sequence[Voxels], Sequence[Voxels]]:
    """The voxels of either field, and some more, that the half-way maps' change can be seen in."""
    moved = ((after.left != before.left) | (after.right != before.right))[0].any(dim=0)
    here = moved.nonzero().T  # (3, N) voxels of the half-way space
    found = []
    for field, to_image, u in (
        (fields.forward, pair.to_fixed, before.right),
        (fields.inverse, pair.to_moving, before.left),
    ):
        matrix = field.grid.world_to_voxel @ to_image @ pair.grid.voxel_to_world
        reached = apply(matrix, (here + u[0][:, moved]).T.cpu().numpy())
        found.append(voxels_around(reached, field.grid.shape, _MARGIN))
    return found[0], found[1]


def compose_again(
    pair: Pair,
    maps: HalfWay,
    fields: WorldMaps,
    parts: tuple[Sequence[Part], Sequence[Part]],
    check: Callable[[], None] = lambda: None,
) -> None:
    """Changes the `fields` in parts of either grid to what the half-way maps are composed to there.

    `check` is called now and then, and may raise to stop.
    """
    for field, chain, own in zip((fields.forward, fields.inverse), chains(pair, maps), parts, strict=True):
        fill = partial(chain.fill, torch.from_numpy(field.vectors), field.grid)
        in_parts(fill, own, check, chain.first.device)
