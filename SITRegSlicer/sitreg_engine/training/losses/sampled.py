"""Losses of maps that are functions of coordinates: each looks at random points alone, new ones at every step.

They need a registration with functional maps: a NePhi's. Settings say how many points; 0 = as published.
"""

from math import prod

import numpy as np
import torch
from torch import Tensor

from sitreg_engine.errors import InputError
from sitreg_engine.mappings import sample
from sitreg_engine.models.nephi import objective
from sitreg_engine.models.nephi.drawing import Places, anywhere
from sitreg_engine.models.nephi.maps import FunctionalMaps, half_extents
from sitreg_engine.models.nephi.picture import Picture, locally_normalised
from sitreg_engine.models.nephi.similarity import Likeness, Side
from sitreg_engine.training.scored import Pairing, Scored
from sitreg_engine.training.settings import LossSettings
from sitreg_engine.training.views import View

_PUBLISHED = {"agreement": (100_000, 0.02, 1), "gradicon": (500, 1e-4, 10)}  # at most, share of the voxels, at least


def sampled_ncc(scored: Scored, settings: LossSettings) -> Tensor:
    """0..2: one minus the correlation of all sampled points, mean over both directions and all pairs."""
    return _agreement(scored, settings, lambda picture: (picture,))


def sampled_contrast_ncc(scored: Scored, settings: LossSettings) -> Tensor:
    """The same, mean of the images as they are and with contrast 1 in windows of `window` voxels."""
    return _agreement(scored, settings, lambda picture: (picture, locally_normalised(picture, settings.window)))


def gradicon(scored: Scored, settings: LossSettings) -> Tensor:
    """Gradient inverse consistency: mean squared entry of the Jacobian of the error of going there and back."""
    found = []
    for number, pairing in enumerate(scored.pairings):
        maps, generator = _maps(pairing), _generator(scored, number, 1)
        count, shape = settings.points or _count("gradicon", pairing), tuple(pairing.view_1.target.shape[2:])
        for order in ((maps.forward, maps.backward), (maps.backward, maps.forward)):
            found.append(objective.gradicon(*order, anywhere(shape, count, generator, maps.latents.local)))
    return torch.stack(found).mean()


def latent_prior(scored: Scored, _settings: LossSettings) -> Tensor:
    """Norms of the latent codes, mean over all pairs."""
    return torch.stack([objective.latent_prior(_maps(pairing).latents) for pairing in scored.pairings]).mean()


def taught(scored: Scored, settings: LossSettings) -> Tensor:
    """Mean squared distance, in voxels, of both maps to a teacher's where the images show something. Of one pair."""
    if scored.group.taught is None:
        raise InputError("The loss taught compares with a teacher's maps: set teacher.model.")
    pairing, generator = scored.pairings[0], _generator(scored, 0, 2)
    maps, shape = _maps(pairing), tuple(pairing.view_1.target.shape[2:])
    count, found = settings.points or _count("agreement", pairing), []
    ways = (maps.forward, pairing.view_2), (maps.backward, pairing.view_1)
    for (way, view), wanted in zip(ways, scored.group.taught, strict=True):
        points = Places.of(view.target, view.seen, view.mask).draw(count, generator)
        half = half_extents(shape, points)
        known = sample(wanted.to(points), ((points + 1) * half).T[None, :, :, None, None])[0, :, :, 0, 0].T
        found.append(((way(points) - points) * half - known).square().sum(dim=1).mean())
    return torch.stack(found).mean()


def _agreement(scored: Scored, settings: LossSettings, forms) -> Tensor:
    found = []
    for number, pairing in enumerate(scored.pairings):
        maps, generator = _maps(pairing), _generator(scored, number, 0)
        likeness = Likeness(*(_side(view, forms) for view in (pairing.view_1, pairing.view_2)))
        count = settings.points or _count("agreement", pairing)
        found.append(likeness.dissimilarity(maps.forward, maps.backward, count, generator))
    return torch.stack(found).mean()


def _side(view: View, forms) -> Side:
    with torch.no_grad():
        return Side(forms(Picture(view.target, view.seen)), Places.of(view.target, view.seen, view.mask))


def _count(name: str, pairing: Pairing) -> int:
    most, share, least = _PUBLISHED[name]
    return min(most, max(least, round(share * prod(pairing.view_1.target.shape[2:]))))


def _maps(pairing: Pairing) -> FunctionalMaps:
    maps = getattr(pairing.registration, "maps", None)
    if not isinstance(maps, FunctionalMaps):
        raise InputError('Sampled losses are for maps that are functions of coordinates: set model = "nephi".')
    return maps


def _generator(scored: Scored, *more: int) -> torch.Generator:
    seed = int(np.random.default_rng([*scored.seed, *more]).integers(2**62))
    return torch.Generator().manual_seed(seed)
