"""Instance optimisation: bounded, symmetric, invertible updates fitted to the very pair at hand.

The parametrisation is SITReg's: control values within the tanh bound of their level, cubic B-splines, half-way maps
L (to the moving image) and R (to the fixed image). In each round one update u, a contraction by its bound, moves
both images towards each other: L <- L o (id + u), R <- R o (id - u). As with delta = u_f o u_r^-1 in the network,
swapping the images swaps L and R; setting u_r = -u_f halves the unknowns and needs no inversion per step.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from sitreg_engine.mappings import compose, warp
from sitreg_engine.models.halfway import HalfWay
from sitreg_engine.models.sitreg.bounds import bound
from sitreg_engine.models.sitreg.inversion import solve_inverse
from sitreg_engine.models.sitreg.splines import coarse_shape, upsample

from .local_ncc import Windows
from .matching import Matching
from .schedule import Level, Schedule
from .topology import damped, too_squeezed

MULTIPLIER = 0.99  # of the largest control value for which the update is surely invertible
LEAST_DETERMINANT = 0.2  # of each half map at its level; what is squeezed harder is damped
IMPROVEMENT = 2e-3  # relative; a level ends when a whole round gains less


@dataclass(frozen=True)
class Views:
    """The two images as seen from the half-way space, on one grid; all (1, 1, I, J, K)."""

    moving: Tensor  # normalised intensity
    fixed: Tensor
    moving_seen: Tensor  # 0..1: inside the field of view
    fixed_seen: Tensor
    moving_mask: Tensor | None  # 0..1: where the user wants agreement
    fixed_mask: Tensor | None


def optimise(views: Views, schedule: Schedule, step: Callable[[float, str], None]) -> HalfWay:
    """Half-way maps that bring `views` into agreement, on the grid and in the voxels of the schedule's last level.

    `step(fraction, text)` is called at every optimisation step (and may raise to stop).
    """
    state, total, done = None, sum(level.rounds for level in schedule.levels), 0
    for level in schedule.levels:
        pooled = _pooled(views, level.factor)
        state = on_shape(state, tuple(pooled.moving.shape[2:]), views.moving)
        last = None
        for number in range(level.rounds):
            begun = (done + number) / total
            state, objective = _round(pooled, state, level, schedule, lambda f, b=begun: step(b + f / total, ""))
            if last is not None and last - objective < IMPROVEMENT * abs(last):
                break
            last = objective
        done += level.rounds
    return state


def _round(
    views: Views, state: HalfWay, level: Level, schedule: Schedule, step: Callable[[float], None]
) -> tuple[HalfWay, float]:
    """One bounded update, fitted and composed; and the objective that it reached."""
    shape = tuple(views.moving.shape[2:])
    matching = _matching(views, state, schedule.window)
    raw = torch.zeros(1, 3, *coarse_shape(shape, level.stride)).to(views.moving).requires_grad_()
    coarse_left, coarse_right = (_on_controls(u, level.stride) for u in (state.left, state.right))
    optimiser = torch.optim.Adam([raw], lr=schedule.learning_rate, betas=(0.9, 0.99))
    for index in range(level.steps):
        step(index / level.steps)
        control = _bounded(raw, level.stride)
        u = upsample(control, level.stride, shape)
        # On the control grid, where u is smooth: an eighth of the work. L + u stands for L o (id + u).
        roughness = (_diffusion(coarse_left + control) + _diffusion(coarse_right - control)) / 2
        objective = matching.loss(u) + level.smoothness * roughness
        optimiser.zero_grad()
        objective.backward()
        optimiser.step()
    with torch.no_grad():
        u = upsample(_bounded(raw, level.stride), level.stride, shape)
        return _composed(state, u), float(objective)


def _bounded(raw: Tensor, stride: int) -> Tensor:
    """Control values, in control-grid voxels, of any real numbers; their spline is a contraction."""
    return MULTIPLIER * bound((stride,) * 3) * torch.tanh(raw)


def _on_controls(u: Tensor, stride: int) -> Tensor:
    """A displacement averaged onto the control grid, in control-grid voxels."""
    return F.avg_pool3d(u, stride, ceil_mode=True, count_include_pad=False) / stride


def _composed(state: HalfWay, u: Tensor) -> HalfWay:
    """L o (id + u) and R o (id - u) with their inverses; u is damped where either would be squeezed too hard."""
    for _ in range(6):
        left, right = compose(state.left, u), compose(state.right, -u)
        squeezed = too_squeezed(left, LEAST_DETERMINANT) | too_squeezed(right, LEAST_DETERMINANT)
        if not bool(squeezed.any()):
            break
        u = damped(u, squeezed)
    return HalfWay(
        left,
        right,
        compose(solve_inverse(u)[0], state.left_inverse),
        compose(solve_inverse(-u)[0], state.right_inverse),
    )


def _matching(views: Views, state: HalfWay, window: int) -> Matching:
    """The images as the half-way maps bring them together.

    Wanted is what lies in either mask, or everything when there is none.
    """
    seen = warp(views.moving_seen, state.left) * warp(views.fixed_seen, state.right)
    masks = [
        warp(mask, u)
        for mask, u in ((views.moving_mask, state.left), (views.fixed_mask, state.right))
        if mask is not None
    ]
    wanted = torch.stack(masks).amax(dim=0) if masks else torch.ones_like(seen)
    moving, fixed = warp(views.moving, state.left), warp(views.fixed, state.right)
    return Matching.of(moving, fixed, Windows.of(seen, wanted, window))


def _diffusion(u: Tensor) -> Tensor:
    """Mean squared forward difference of a displacement."""
    return sum((u.diff(dim=axis) ** 2).mean() for axis in (2, 3, 4))


def _pooled(views: Views, factor: int) -> Views:
    """Every image averaged over cubes of `factor` voxels."""
    if factor == 1:
        return views
    tensors = vars(views).values()
    return Views(*(None if tensor is None else F.avg_pool3d(tensor, factor) for tensor in tensors))


def on_shape(state: HalfWay | None, shape: tuple[int, int, int], like: Tensor) -> HalfWay:
    """The maps on a finer grid that covers the same box; nothing has moved where there are none yet."""
    if state is None:
        return nothing_moved(shape, like)
    scale = shape[0] // state.left.shape[2]
    if scale == 1:
        return state
    # A spline keeps the maps smooth between the coarse voxels, where linear interpolation would leave creases.
    return HalfWay(*(upsample(u, scale, shape) for u in vars(state).values()))


def nothing_moved(shape: tuple[int, int, int], like: Tensor) -> HalfWay:
    """Half-way maps on a grid of `shape` that are the identity."""
    return HalfWay(*(like.new_zeros(1, 3, *shape) for _ in range(4)))
