"""A model's prediction for a pair, at the spacings that its weights serve, and what speaks against trusting it."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .geometry import Grid
from .lattices import lattice
from .mappings import sample, squared_lengths
from .models import Card, Model
from .models.familiar import unlike
from .models.halfway import HalfWay
from .prepare import Pair
from .prepare.layout import MULTIPLE
from .refine.local_ncc import loss_alone
from .refine.pair import views_of
from .refine.views import Views

_WINDOW = 5  # of local correlation, voxels of the network's grid
_WORSE = 0.95  # share of the agreement before that a prediction must keep
_SAME_SPACING = 1.15  # ratio up to which a working grid serves a network that was trained at another


@dataclass(frozen=True)
class Prediction:
    maps: HalfWay | None  # in voxels of the pair's grid; None where the model has nothing to predict
    doubts: list[str]


def predict(
    model: Model, pair: Pair, pair_at: Callable[[float], Pair], device: torch.device, alone: bool = False
) -> Prediction:
    """Half-way maps on the grid of `pair`. `pair_at(spacing)` prepares the same images at another spacing in mm.

    A network sees voxels of the size it was trained with, where the working grid is as fine as that or finer.
    alone: nothing will be refined. Then it looks a second time, with finer voxels, at what its first look has left.
    """
    card, side = model.info.card, max(pair.grid.shape) * pair.grid.spacing[0]
    own = pair if card is None else _seen_at(first_look(card, side), pair, pair_at)
    maps = model.predict(*own.shown, device)
    if maps is None:
        return Prediction(None, [])
    doubts = [*maps.doubts, *(_doubts(card, own, maps, first_look(card, side)) if card else [])]
    finer = _seen_at(finest_look(card, side), pair, pair_at) if card and alone else own
    if finer.grid.spacing[0] * _SAME_SPACING < own.grid.spacing[0]:
        maps = _looked_again(model, finer, on_grid(maps, own.grid, finer.grid), device)
        own, doubts = finer, [*doubts, *maps.doubts]
    doubts += _worse(own, maps)
    return Prediction(maps if own is pair else on_grid(maps, own.grid, pair.grid), list(dict.fromkeys(doubts)))


def first_look(card: Card, side: float) -> float:
    """The spacing in mm at which a network's weights are to see images whose longest side is `side` mm.

    That of their training; of weights for things of any size in proportion, so that they see as many voxels as then.
    """
    if not card.any_size:
        return card.spacing
    step = MULTIPLE * card.spacing  # by which the sides of working grids differ; the familiar range is a little wider
    low, high = math.ceil(card.familiar.side[0] / step) * step, math.floor(card.familiar.side[1] / step) * step
    return card.spacing * side / max(min(side, high), low)


def finest_look(card: Card, side: float) -> float:
    """The finest spacing in mm at which a network's weights still find something: half of that of the first look."""
    return first_look(card, side) / 2


def _seen_at(spacing: float, pair: Pair, pair_at: Callable[[float], Pair]) -> Pair:
    """The pair at this spacing in mm, or as it is where it is hardly finer."""
    return pair if spacing < pair.grid.spacing[0] * _SAME_SPACING else pair_at(spacing)


@torch.inference_mode()
def _looked_again(model: Model, pair: Pair, maps: HalfWay, device: torch.device) -> HalfWay:
    """The maps with what the model finds in the images that they bring together, where these agree better then."""
    views = views_of(pair, device)
    before = views.through(maps)
    left_over = model.predict(*before.shown, device)
    found = maps.followed_by(left_over)
    return found if _agreement(views.through(found)) > _agreement(before) else maps


@torch.inference_mode()
def on_grid(maps: HalfWay, given: Grid, wanted: Grid) -> HalfWay:
    """Maps on one working grid as seen on another of the same half-way space; both in their own voxels."""
    matrix = given.world_to_voxel @ wanted.voxel_to_world
    places = lattice(matrix, wanted.shape, slice(0, wanted.shape[0]))[None].to(maps.left.device)
    scale = torch.from_numpy(np.float32(np.diag(matrix)[:3])).to(places.device)[:, None, None, None]
    return maps.each(lambda u: sample(u, places) / scale)


def _doubts(card: Card, pair: Pair, maps: HalfWay, look: float) -> list[str]:
    """Whether the images, and what was found, are like what the model was trained on; `look`: see first_look."""
    shrunk, found = card.spacing / look, []  # 1 but for weights for things of any size
    spacing = shrunk * pair.grid.spacing[0]
    measured = None if card.any_size else spacing
    moving, fixed = pair.shown
    for name, image, seen in (("fixed", fixed, pair.fixed_inside), ("moving", moving, pair.moving_inside)):
        strange = unlike(card.familiar, image, seen, measured) if card.familiar else []
        if strange:
            found.append(f"The {name} volume is unlike what {card.title} was trained on: {' and '.join(strange)}.")
    if spacing > card.spacing * _SAME_SPACING:
        found.append(f"{card.title} was trained with voxels of {card.spacing:g} mm, it was given {spacing:.2f} mm.")
    distance, reach = _farthest(maps, pair), card.capture_range / shrunk
    if 0 < reach < distance:
        found.append(f"Tissue moved by {distance:.0f} mm, {card.title} was trained for up to {reach:.3g} mm.")
    return [*found[:-1], f"{found[-1]} Look at the result with care."] if found else []


def _worse(pair: Pair, maps: HalfWay) -> list[str]:
    """Whether the images agreed better before."""
    views = views_of(pair, maps.left.device)
    before, after = _agreement(views), _agreement(views.through(maps))
    if after >= _WORSE * before:
        return []
    return [
        f"The volumes agree less with the prediction than without it (local correlation {after:.2f} against "
        f"{before:.2f}, squared): do not use it unless it was refined."
    ]


@torch.inference_mode()
def _agreement(views: Views) -> float:
    """Mean squared local correlation where both images show something, 0 .. 1."""
    windows = views.windows(_WINDOW)
    total = float(windows.weight.sum())
    return -float(loss_alone(views.moving, views.fixed, windows)) / total if total else 0.0


def _farthest(maps: HalfWay, pair: Pair) -> float:
    """How far apart the images were where both show something, 99th percentile, mm."""
    inside = ((pair.fixed_inside > 0) & (pair.moving_inside > 0))[0, 0].to(maps.left.device)
    apart: Tensor = squared_lengths((maps.left - maps.right)[0])[inside].sqrt()
    if not apart.numel():
        return 0.0
    return float(np.percentile(apart.cpu().numpy(), 99)) * pair.grid.spacing[0]
