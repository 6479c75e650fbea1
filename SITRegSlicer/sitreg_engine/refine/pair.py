"""Refinement of a prepared pair: start, optimise, join, and make sure of inverses and topology."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from sitreg_engine.mappings import compose, identity, sample
from sitreg_engine.models.sitreg.halfway import HalfWay
from sitreg_engine.models.sitreg.inversion import refine_inverse
from sitreg_engine.prepare import Pair

from .instance import Views, nothing_moved, optimise
from .schedule import Schedule
from .topology import calmed, too_squeezed

MASK_MARGIN = 3  # voxels around a mask that count too: the edge of an organ is what shows where it is
INVERSE_TOLERANCE = 0.01  # voxels
LEAST_DETERMINANT = 0.05  # of the whole maps; what is below gets smoothed
MOST_REPAIRS = 12


def refine_pair(
    pair: Pair,
    predicted: HalfWay | None,
    schedule: Schedule,
    device: torch.device,
    step: Callable[[float, str], None],
) -> HalfWay:
    """Half-way maps of `pair`, in voxels of its grid: `predicted` (or no motion) and the optimised correction."""
    views = _views(pair, device)
    maps = predicted or nothing_moved(tuple(pair.moving.shape[2:]), views.moving)
    if schedule.levels:
        seen = views if predicted is None else _seen_through(views, maps)
        correction = optimise(seen, schedule, lambda fraction, text: step(0.85 * fraction, text))
        maps = correction if predicted is None else _joined(maps, correction)
    with torch.inference_mode():
        return _sound(maps, lambda fraction: step(0.85 + 0.15 * fraction, ""))


def _views(pair: Pair, device: torch.device) -> Views:
    masks = [mask and _widened(mask.to(device)) for mask in (pair.moving_mask, pair.fixed_mask)]
    tensors = (pair.moving, pair.fixed, pair.moving_inside, pair.fixed_inside)
    return Views(*(tensor.to(device) for tensor in tensors), *masks)


def _widened(mask: Tensor) -> Tensor:
    return F.max_pool3d(mask, 2 * MASK_MARGIN + 1, 1, MASK_MARGIN)


def _seen_through(views: Views, maps: HalfWay) -> Views:
    """The images as the prediction brings them into the half-way space."""
    grid = identity(tuple(views.moving.shape[2:]), views.moving)
    at_moving, at_fixed = grid + maps.left, grid + maps.right
    places = (at_moving, at_fixed) * 3
    return Views(*(None if t is None else sample(t, at) for t, at in zip(vars(views).values(), places, strict=True)))


def _joined(first: HalfWay, correction: HalfWay) -> HalfWay:
    return HalfWay(
        compose(first.left, correction.left),
        compose(first.right, correction.right),
        compose(correction.left_inverse, first.left_inverse),
        compose(correction.right_inverse, first.right_inverse),
    )


def _sound(maps: HalfWay, step: Callable[[float], None]) -> HalfWay:
    """The maps with exact inverses, smoothed wherever one of the two whole maps would fold on the grid."""
    for repair in range(MOST_REPAIRS):
        step(repair / MOST_REPAIRS)
        maps = _with_exact_inverses(maps)
        squeezed = _squeezed_places(maps)
        if not bool(squeezed.any()):
            break
        maps = HalfWay(calmed(maps.left, squeezed), calmed(maps.right, squeezed), maps.left_inverse, maps.right_inverse)
    return maps


def _with_exact_inverses(maps: HalfWay) -> HalfWay:
    return HalfWay(
        maps.left,
        maps.right,
        refine_inverse(maps.left, maps.left_inverse, INVERSE_TOLERANCE)[0],
        refine_inverse(maps.right, maps.right_inverse, INVERSE_TOLERANCE)[0],
    )


def _squeezed_places(maps: HalfWay) -> Tensor:
    """Points of the half-way space where forward or inverse is too squeezed, (1, 1, I, J, K) bool.

    A fold of the forward map lies on the fixed image's side, one of the inverse on the moving image's: each is
    brought back to the half-way space, where both sides can be smoothed alike.
    """
    grid = identity(tuple(maps.left.shape[2:]), maps.left)
    found = torch.zeros_like(maps.left[:, :1])
    for whole, half in ((maps.forward(), maps.right), (maps.inverse(), maps.left)):
        folded = F.max_pool3d(too_squeezed(whole, LEAST_DETERMINANT).to(whole), 3, 1, 1)
        found = torch.maximum(found, sample(folded, grid + half))
    return found > 0
