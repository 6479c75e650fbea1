"""NePhi's instance optimisation: the latent code and the maps of one pair, fitted to that pair."""

import copy
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from .drawing import anywhere
from .latents import Latents
from .maps import FunctionalMaps
from .objective import gradicon, latent_prior
from .similarity import Likeness

_CHECKED_POINTS = 8000  # the same at every check: states are compared on equal terms
_SEED = 2024


@dataclass(frozen=True)
class FitSettings:
    """How long, how fast and by which weights. The weights are the published ones.

    Rates were tried on one pair of brains at 2 mm, 200 steps, from Dice 0.509: codes at 1e-4 0.593, at 1e-2 0.599, and
    then maps at 2e-4 instead of 1e-4 0.603; no folds. As they stand here, the saved transforms of three pairs reach
    0.648 (0.515 aligned), 0.643 (0.474) and 0.624 (0.472) without folds, in 171 s of one core for the whole job.
    """

    steps: int = 300
    seconds: float = math.inf  # of wall time
    mode: str = "full"  # the codes and both maps; or "latent": the codes alone
    points: int = 10_000  # of each image at each step
    gradient_points: int = 300  # of each order of the maps at each step
    map_rate: float = 2e-4  # of Adam; sines of sines do not bear much more
    code_rate: float = 1e-2
    consistency: float = 10.0  # weight of gradient inverse consistency
    prior: float = 0.01
    clip: float = 1.0  # largest norm of the gradient
    warm_up: int = 10  # steps of a growing rate
    check_every: int = 20  # steps
    patience: int = 3  # checks without improvement, after which it ends
    improvement: float = 1e-3  # relative; less than that is none


@dataclass(frozen=True)
class Best:
    """The best state seen so far."""

    objective: float
    state: list[Tensor]
    waited: int = 0  # checks since


def fitted(
    maps: FunctionalMaps, likeness: Likeness, settings: FitSettings, step: Callable[[float, str], None]
) -> FunctionalMaps:
    """Copies of `maps`, fitted; the given ones stay as they are. Never worse than them by the checked objective.

    `step(fraction, text)` is called at every step, and may raise to stop.
    """
    own, generator = _copied(maps), torch.Generator().manual_seed(_SEED)
    groups = _parameters(own, settings)
    everything = [p for group in groups for p in group["params"]]
    optimiser = torch.optim.Adam(groups)
    best, begun = Best(_checked(own, likeness, settings), _state(everything)), time.monotonic()
    for number in range(settings.steps):
        done = max(number / settings.steps, (time.monotonic() - begun) / settings.seconds)
        if done >= 1:
            best = _better(best, _checked(own, likeness, settings), everything, settings)
            break
        step(done, f"Step {number + 1}, objective {best.objective:.3f}")
        optimiser.zero_grad()
        objective(own, likeness, settings, generator).backward()
        # What is not finite changes nothing.
        norm = float(nn.utils.clip_grad_norm_(everything, settings.clip))
        if math.isfinite(norm):
            _set_rates(optimiser, _pace(number, done, settings))
            optimiser.step()
        if (number + 1) % settings.check_every == 0 or number + 1 == settings.steps:
            best = _better(best, _checked(own, likeness, settings), everything, settings)
            if best.waited >= settings.patience:
                break
    with torch.no_grad():
        for parameter, value in zip(everything, best.state, strict=True):
            parameter.copy_(value)
    return _at_rest(own)


def objective(maps: FunctionalMaps, likeness: Likeness, settings: FitSettings, generator: torch.Generator) -> Tensor:
    """Dissimilarity, gradient inverse consistency and prior of random points; a scalar with gradients."""
    count, like, shape = settings.gradient_points, maps.latents.local, likeness.shape
    there, back = maps.forward, maps.backward
    orders = ((there, back), (back, there))
    consistency = sum(gradicon(*order, anywhere(shape, count, generator, like)) for order in orders) / 2
    unlike = likeness.dissimilarity(there, back, settings.points, generator)
    return unlike + settings.consistency * consistency + settings.prior * latent_prior(maps.latents)


def _checked(maps: FunctionalMaps, likeness: Likeness, settings: FitSettings) -> float:
    """The objective at points that are the same each time."""
    same = replace(settings, points=_CHECKED_POINTS)
    return float(objective(maps, likeness, same, torch.Generator().manual_seed(_SEED + 1)).detach())


def _better(best: Best, found: float, everything: list[Tensor], settings: FitSettings) -> Best:
    if not found < best.objective:
        return replace(best, waited=best.waited + 1)
    enough = found < best.objective - settings.improvement * abs(best.objective)
    return Best(found, _state(everything), 0 if enough else best.waited + 1)


def _pace(number: int, done: float, settings: FitSettings) -> float:
    """The share of the rates: grows during the warm-up, then falls along a cosine over all the steps or seconds."""
    falling = 0.5 + 0.5 * math.cos(math.pi * done)
    return min((number + 1) / settings.warm_up, 1.0) * (0.02 + 0.98 * falling)


def _set_rates(optimiser: torch.optim.Optimizer, pace: float) -> None:
    for group in optimiser.param_groups:
        group["lr"] = group["full_rate"] * pace


def _parameters(maps: FunctionalMaps, settings: FitSettings) -> list[dict]:
    """For Adam: what is optimised, each with its rate; all else gets no gradient."""
    codes = [maps.latents.overall.requires_grad_(), maps.latents.local.requires_grad_()]
    weights = [p for mlp in (maps.ahead, maps.back) for p in mlp.parameters()]
    for weight in weights:
        weight.requires_grad_(settings.mode == "full")
    groups = [{"params": codes, "lr": settings.code_rate, "full_rate": settings.code_rate}]
    if settings.mode == "full":
        groups.append({"params": weights, "lr": settings.map_rate, "full_rate": settings.map_rate})
    return groups


def _state(parameters: list[Tensor]) -> list[Tensor]:
    return [p.detach().clone() for p in parameters]


def _copied(maps: FunctionalMaps) -> FunctionalMaps:
    latents = Latents(*(code.detach().clone() for code in (maps.latents.overall, maps.latents.local)))
    return FunctionalMaps(copy.deepcopy(maps.ahead), copy.deepcopy(maps.back), latents)


def _at_rest(maps: FunctionalMaps) -> FunctionalMaps:
    for mlp in (maps.ahead, maps.back):
        mlp.requires_grad_(False)
    latents = Latents(maps.latents.overall.detach(), maps.latents.local.detach())
    return FunctionalMaps(maps.ahead, maps.back, latents)
