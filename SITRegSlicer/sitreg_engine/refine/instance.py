"""Instance optimisation: bounded, symmetric, invertible updates fitted to the very pair at hand.

The parametrisation is SITReg's: control values within the tanh bound of their level, cubic B-splines, half-way maps
L (to the moving image) and R (to the fixed image). In each round one update u, a contraction by its bound, moves
both images towards each other: L <- L o (id + u), R <- R o (id - u). As with delta = u_f o u_r^-1 in the network,
swapping the images swaps L and R; setting u_r = -u_f halves the unknowns and needs no inversion per step.

Images of different contrasts come in two versions: as they are, and brought to one contrast (`contrast.py`). Squared
local correlation of the latter finds the way; near the end it is more exact on the former, whatever their contrasts.

A prediction is no more than a candidate: every level begins from what agrees better and is smoother, what the coarser
levels have come to or the prediction. What a network has missed is then found as without it.

Maps and inverses are valid after every round. A round that ends worse than it began is not kept, and a level ends
with it; so does one whose gain is small, or whose time is over.
"""

import time
from collections.abc import Callable
from dataclasses import replace

import torch.nn.functional as F
from torch import Tensor

from sitreg_engine.models.halfway import HalfWay
from sitreg_engine.models.sitreg.splines import upsample

from .budget import Budget
from .rounds import State, fitted
from .schedule import Level, Schedule
from .views import Views

IMPROVEMENT = 2e-3  # relative; a level ends when a whole round gains less


def optimise(
    views: Views,
    schedule: Schedule,
    step: Callable[[float, str], None],
    budget: Budget | None = None,
    predicted: HalfWay | None = None,
    alike: Views | None = None,
) -> HalfWay:
    """Half-way maps that bring `views` into agreement, on the grid and in the voxels of the last level that was done.

    There, the images never agree less than they do as they are. `predicted` (on the grid of `views`) where that is
    better, judged on the grid itself; without time for a single round: that, or no motion. `step(fraction, text)` is
    called at every optimisation step (and may raise to stop).
    alike: the images brought to one contrast, for all levels but the last, and for that when it is the first done.
    """
    budget = budget or Budget()
    best, total, done = None, sum(level.rounds for level in schedule.levels), 0
    shown = alike or views
    for level in schedule.levels:
        last = level is schedule.levels[-1]
        budget.enter(last)
        if budget.fitting(views.moving.numel() // level.factor**3, level.steps):
            share, begun = level.rounds / total, done / total
            shown = views if last and best else shown
            there = shown.pooled(level.factor)
            start = _start(there, best, predicted, level, schedule.window)
            best = _level(there, start, schedule, budget, lambda f, b=begun, s=share: step(b + s * f, ""))
        done += level.rounds
    if best is None:
        return predicted or nothing_moved(views.shape, views.moving)
    if predicted and best.level.factor > 1 and _is_better(predicted, best, shown, schedule.window):
        return predicted
    return _no_worse(best, shown, schedule.window)


def _start(views: Views, coarser: State | None, predicted: HalfWay | None, level: Level, window: int) -> State:
    """Where a level begins, with its views."""
    found = State.of(views, on_shape(coarser and coarser.maps, views.shape, views.moving), level, window)
    if predicted is None:
        return found
    other = State.of(views, pooled(predicted, level.factor), level, window)
    return other if other.objective < found.objective else found


def _level(views: Views, best: State, schedule: Schedule, budget: Budget, step: Callable[[float], None]) -> State:
    """The best state that the rounds of one level come to, from where it begins."""
    level, voxels, begun = best.level, views.moving.numel(), time.monotonic()
    for number in range(level.rounds):
        steps = budget.fitting(voxels, level.steps)
        if not steps:
            break

        def tick(fraction: float, number: int = number) -> bool:
            step((number + fraction) / level.rounds)
            return not budget.is_over()

        maps, done = fitted(best, steps, schedule, tick)
        found = State.of(views, maps, level, schedule.window)
        gain = best.objective - found.objective
        budget.learn(voxels, done, time.monotonic() - begun)
        begun = time.monotonic()
        if not gain > 0:  # NaN is no gain either
            break
        small, best = gain < IMPROVEMENT * abs(best.objective), found
        if small or budget.is_over():
            break
    return best


def _is_better(predicted: HalfWay, best: State, views: Views, window: int) -> bool:
    """Whether a prediction is, on the whole grid: a coarser level has seen nothing of its details, nor kept them."""
    fine = replace(best.level, factor=1)
    given, found = (
        State.of(views, on_shape(maps, views.shape, views.moving), fine, window).objective
        for maps in (predicted, best.maps)
    )
    return given < found


def _no_worse(found: State, views: Views, window: int) -> HalfWay:
    """The maps of `found`, or no motion when the images as they are agree better."""
    views = views.pooled(found.level.factor)
    still = nothing_moved(views.shape, views.moving)
    unmoved = State(still, views, views.windows(window), found.level)
    return found.maps if found.loss <= unmoved.loss else still


def on_shape(maps: HalfWay | None, shape: tuple[int, int, int], like: Tensor) -> HalfWay:
    """The maps on a finer grid that covers the same box; nothing has moved where there are none yet."""
    if maps is None:
        return nothing_moved(shape, like)
    scale = shape[0] // maps.left.shape[2]
    if scale == 1:
        return maps
    # A spline keeps the maps smooth between the coarse voxels, where linear interpolation would leave creases.
    return maps.each(lambda u: upsample(u, scale, shape))


def pooled(maps: HalfWay, factor: int) -> HalfWay:
    """Maps averaged over cubes of `factor` voxels, in voxels of that size."""
    return maps if factor == 1 else maps.each(lambda u: F.avg_pool3d(u, factor) / factor)


def nothing_moved(shape: tuple[int, int, int], like: Tensor) -> HalfWay:
    """Half-way maps on a grid of `shape` that are the identity."""
    return HalfWay(*(like.new_zeros(1, 3, *shape) for _ in range(4)))
