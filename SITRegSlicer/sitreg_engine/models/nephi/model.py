"""NePhi as a user's choice: the encoder's prediction where there are weights, and its own instance optimisation."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import isinf

import torch
import torch.nn.functional as F
from torch import Tensor

from sitreg_engine.effort import Effort
from sitreg_engine.mappings import compose, squared_lengths
from sitreg_engine.models.halfway import HalfWay
from sitreg_engine.models.network_model import NetworkModel
from sitreg_engine.prepare import Pair

from .config import NePhiConfig
from .coordinate_mlp import CoordinateMLP
from .fitting import FitSettings, fitted
from .latents import random_latents
from .maps import FunctionalMaps
from .network import NePhi
from .similarity import Likeness

_SEED = 1
_LOCAL_SIDE = 24  # local codes along the longest side of a pair that is optimised; the published encoder has 11 to 23
_FROM_WEIGHTS = 80  # steps where an encoder has said where to begin: a whole head in two minutes on two cores
_MOST_STEPS = 4000  # where it is time that ends it
_EVALUATED = 0.1  # share of the time for the maps' values on the grid


@dataclass(frozen=True)
class NePhiModel(NetworkModel):
    id = "nephi"
    title = "NePhi"
    fits_itself = True
    kind = NePhi

    works_without_weights = True  # the pair's own optimisation begins with random codes and no motion then
    reduces = False

    def optimise(
        self,
        pair: Pair,
        predicted: HalfWay | None,
        effort: Effort,
        device: torch.device,
        step: Callable[[float, str], None],
    ) -> HalfWay | None:
        """The code and both maps fitted to the pair, at all voxels of its grid.

        Without effort: the prediction; without weights there is none, and the common path keeps the alignment. Else
        it begins with what the encoder says of this very grid: codes and maps, which a prediction no longer is.
        """
        settings = self.settings(effort)
        if settings.steps == 0:
            return as_it_is(predicted, pair)
        likeness = Likeness.of(pair, device)
        maps = fitted(self._begin(pair, device), likeness, settings, lambda f, text: step((1 - _EVALUATED) * f, text))
        with torch.inference_mode():
            found = maps.halfway(pair.grid.shape, lambda: step(1 - _EVALUATED, "Evaluating the maps"))
            return with_residual(found, pair)

    def settings(self, effort: Effort) -> FitSettings:
        """What an effort comes to."""
        if not isinf(effort.seconds):
            return FitSettings(steps=_MOST_STEPS, seconds=(1 - _EVALUATED) * effort.seconds)
        own = FitSettings.steps if self.network is None else _FROM_WEIGHTS
        return FitSettings(steps=own if effort.steps is None else effort.steps)

    def _begin(self, pair: Pair, device: torch.device) -> FunctionalMaps:
        """What the encoder predicts, else random codes with maps that are the identity."""
        if self.network is None:
            return new_maps(pair.grid.shape, device)
        with torch.no_grad():
            maps = self._on(device)(*(image.to(device) for image in self._as_trained(pair))).maps
            return replace(maps, latents=maps.latents.finer(code_shape(pair.grid.shape)))

    def _as_trained(self, pair: Pair) -> tuple[Tensor, ...]:
        """The images as the encoder knows them, with voxels no finer than those of its training."""
        card = self.info.card
        ratio = min(pair.grid.spacing[0] / card.spacing, 1.0) if card else 1.0
        size = tuple(max(round(n * ratio), 1) for n in pair.grid.shape)
        return tuple(F.adaptive_avg_pool3d(image, size) for image in pair.shown)


def as_it_is(predicted: HalfWay | None, pair: Pair) -> HalfWay | None:
    """A prediction that nothing follows, with what it leaves open; None where there is none."""
    if predicted is None:
        return None
    with torch.inference_mode():
        return with_residual(predicted, pair)


def with_residual(maps: HalfWay, pair: Pair) -> HalfWay:
    """The maps, and by how much they fail to undo each other: what is saved is brought closer together (balance.py)."""
    size = squared_lengths(compose(maps.inverse(), maps.forward())[0]).sqrt() * pair.grid.spacing[0]
    inside = size[pair.fixed_inside[0, 0].to(size.device) > 0]
    mean, largest = (float(inside.mean()), float(inside.max())) if inside.numel() else (0.0, 0.0)
    note = (
        f"NePhi's inverse is an approximation: its two maps undo each other to {mean:.2f} mm on average, "
        f"{largest:.1f} mm at most. The saved transforms were then brought closer to each other."
    )
    return maps.doubted((note,))


def code_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    """How many local codes an optimisation has along each axis of a grid."""
    return tuple(max(round(n * _LOCAL_SIDE / max(shape)), 2) for n in shape)


def new_maps(shape: tuple[int, int, int], device: torch.device) -> FunctionalMaps:
    """Both maps the identity, with random codes; the same every time."""
    config = NePhiConfig(shape=tuple(shape))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(_SEED)
        mlps = (CoordinateMLP(config).to(device), CoordinateMLP(config).to(device))
    codes = random_latents(
        config.overall_codes, config.local_codes, code_shape(shape), torch.Generator().manual_seed(_SEED)
    )
    return FunctionalMaps(*mlps, codes.on(device))
