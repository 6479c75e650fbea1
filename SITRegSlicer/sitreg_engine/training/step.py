"""One step of a training: the gradients of its groups, over all processes, and new weights."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import nn

from .losses import evaluate
from .networks import hand_over_gradients, take_weights
from .parts import part_to_learn
from .processes import Processes
from .scored import Pairing, Scored
from .second_look import left_by_first_look
from .settings import OptimiserSettings, RunSettings
from .state import State, follow
from .validate import on_device
from .views import Group


def train_step(
    settings: RunSettings, state: State, step: int, groups: Sequence[tuple[int, Group]], processes: Processes
) -> dict[str, float]:
    """Step number `step` (from 0) on this process's groups, each with its number in the step: new weights.

    Returns the mean of each loss over all groups of all processes, the gradient's norm and the rate.
    """
    state.network.train()
    state.optimiser.zero_grad(set_to_none=True)
    if state.computing is not state.network:
        take_weights(state.computing, state.network)
    found = [_gradients_of(settings, state, group, (settings.seed, step, index)) for index, group in groups]
    values = _means(processes, found)
    processes.add_gradients(state.network)
    rate = learning_rate(settings.optimiser, step, settings.steps)
    return {**values, "gradient": _update(state, settings.optimiser, rate, step), "rate": rate}


def _gradients_of(settings: RunSettings, state: State, group: Group, seed: tuple[int, ...]) -> dict[str, float]:
    """Add one group's share of the step's gradients to the network's. Returns the losses."""
    device = next(state.network.parameters()).device
    if group.spacing < settings.data.spacing:
        group = left_by_first_look(state.computing, group, seed)
    group = part_to_learn(state.network, group, seed)
    total, parts = evaluate(score(state.computing, group, device, seed), settings.losses)
    (total / settings.optimiser.accumulate).backward()
    if state.computing is not state.network:
        hand_over_gradients(state.computing, state.network)
    return {"loss": float(total.detach()), **parts}


def score(network: nn.Module, group: Group, device: torch.device, seed: tuple[int, ...] = (0,)) -> Scored:
    """Register all pairs of a group: 1 for a pair, 3 for a triplet."""
    views = tuple(on_device(view, device) for view in group.views)
    pairings = [
        Pairing(a, b, views[a], views[b], network(views[a].image, views[b].image))
        for a, b in itertools.combinations(range(len(views)), 2)
    ]
    return Scored(replace(group, views=views), pairings, seed)


def _means(processes: Processes, found: list[dict[str, float]]) -> dict[str, float]:
    names = list(found[0])
    means = [sum(values[name] for values in found) / len(found) for name in names]
    return dict(zip(names, processes.mean(means), strict=True))


def learning_rate(settings: OptimiserSettings, step: int, steps: int) -> float:
    """Grows during the warm-up, then stays, is halved now and then, or falls along a cosine to a hundredth."""
    growing = min((step + 1) / max(settings.warm_up, 1), 1.0)
    if settings.schedule == "constant":
        return settings.learning_rate * growing
    if settings.schedule == "halving":
        return settings.learning_rate * growing * 0.5 ** (step // max(settings.interval, 1))
    falling = 0.5 + 0.5 * math.cos(math.pi * min(step / max(steps, 1), 1.0))
    return settings.learning_rate * growing * (0.01 + 0.99 * falling)


def _update(state: State, settings: OptimiserSettings, rate: float, step: int) -> float:
    """One step of the optimiser, and of the average; none when the gradient is not finite. Returns its norm."""
    limit = settings.clip or math.inf
    norm = float(nn.utils.clip_grad_norm_(state.network.parameters(), limit))
    if math.isfinite(norm):
        for group in state.optimiser.param_groups:
            group["lr"] = rate * group.get("share", 1.0)  # checkpoints of before have none
        state.optimiser.step()
        follow(state.average, state.network, settings.ema, step)
    return norm
