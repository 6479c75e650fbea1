"""Refinement of a prepared pair: optimise, and make sure of inverses and topology."""

from collections.abc import Callable

import torch

from sitreg_engine.dilation import MASK_MARGIN, dilated
from sitreg_engine.models.halfway import HalfWay
from sitreg_engine.prepare import Pair

from .budget import Budget
from .instance import nothing_moved, on_shape, optimise
from .schedule import Schedule
from .topology import sound
from .views import Views

# Of the time for refinement: what is left goes into exact inverses and places that would fold.
OPTIMISING = 0.75


def refine_pair(
    pair: Pair,
    predicted: HalfWay | None,
    schedule: Schedule,
    device: torch.device,
    step: Callable[[float, str], None],
    alike: Pair | None = None,
) -> HalfWay:
    """Half-way maps of `pair`, in voxels of its grid: optimised, from `predicted` where that is the better start.

    alike: the same pair brought to one contrast, for all but the finest level.
    """
    views, shape = views_of(pair, device), pair.grid.shape
    one_contrast = None if alike is None or alike is pair else views_of(alike, device)
    if not schedule.levels:
        with torch.inference_mode():
            return sound(predicted or nothing_moved(shape, views.moving), lambda: step(0.9, ""))
    budget = Budget(OPTIMISING * schedule.seconds)
    found = optimise(
        views, schedule, lambda fraction, text: step(0.8 * fraction, text), budget, predicted, one_contrast
    )
    factor = shape[0] // found.left.shape[2]
    with torch.inference_mode():
        maps = sound(found, lambda: step(0.8, ""))
        if factor > 1:  # on the coarser one it was cheaper to put right most of what was wrong
            maps = sound(on_shape(maps, shape, views.moving), lambda: step(0.9, ""))
    return maps.doubted(_unfinished(factor, schedule, pair.grid.spacing[0]))


def _unfinished(factor: int, schedule: Schedule, spacing: float) -> tuple[str, ...]:
    """What to tell where the time ended before the finest level; `factor`: of the last one, `spacing`: of the grid."""
    finest = schedule.levels[-1].factor
    if factor <= finest:
        return ()
    return (
        f"The time for refinement ended at voxels of {factor * spacing:.1f} mm, before those of "
        f"{finest * spacing:.1f} mm: details are not aligned. Give it more time.",
    )


def views_of(pair: Pair, device: torch.device) -> Views:
    """The pair's images on a device, with masks that reach a little beyond what they mask."""
    given = (pair.moving_mask, pair.fixed_mask)
    masks = [None if mask is None else dilated(mask.to(device), MASK_MARGIN) for mask in given]
    tensors = (pair.moving, pair.fixed, pair.moving_inside, pair.fixed_inside)
    return Views(*(tensor.to(device) for tensor in tensors), *masks)
