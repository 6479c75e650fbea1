"""One round of the optimisation: a bounded update, fitted, composed, and judged by what it has reached."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor

from sitreg_engine.mappings import compose
from sitreg_engine.models.halfway import HalfWay
from sitreg_engine.models.sitreg.bounds import bound
from sitreg_engine.models.sitreg.inversion import InversionConfig, solve_inverse
from sitreg_engine.models.sitreg.splines import coarse_shape, upsample
from sitreg_engine.roughness import roughness_of

from .adam import Adam
from .box import in_steps, telling_box
from .local_ncc import Windows, loss_alone
from .matching import Matching
from .schedule import Level, Schedule
from .topology import damped, too_squeezed
from .views import Views

MULTIPLIER = 0.99  # of the largest control value for which the update is surely invertible
LEAST_OF_HALF = 0.2  # determinant of each half map at its level; what is squeezed harder is damped
# Of the updates' inverses, voxels: those of the whole maps are made exact in the end (topology.py), from what these
# are composed to. With the published 0.01 the registration takes a fortieth longer, and the result is the same.
_NEARLY = InversionConfig(tolerance=0.1)


@dataclass(frozen=True)
class State:
    """Half-way maps at one level, with the images that they bring together."""

    maps: HalfWay
    seen: Views  # through the maps
    windows: Windows
    level: Level

    @classmethod
    def of(cls, views: Views, maps: HalfWay, level: Level, window: int) -> "State":
        """views: pooled to the level; maps: on its grid."""
        seen = views.through(maps)
        return cls(maps, seen, seen.windows(window), level)

    @cached_property
    def loss(self) -> float:
        """Minus the agreement of the images, by local NCC: the lower, the better."""
        return float(loss_alone(self.seen.moving, self.seen.fixed, self.windows))

    @cached_property
    def objective(self) -> float:
        """Loss and roughness, as the optimisation weighs them."""
        left, right = (on_controls(u, self.level.stride) for u in (self.maps.left, self.maps.right))
        return self.loss + self.level.smoothness * float(_roughness(left, right))


def fitted(state: State, steps: int, schedule: Schedule, step: Callable[[float], bool]) -> tuple[HalfWay, int]:
    """(the maps of `state` after one update of up to `steps` optimisation steps, how many were done).

    `step(fraction)` is called before each of them and says whether there is time for it; the first is always done.
    """
    stride = state.level.stride
    box = telling_box(state.seen, state.windows, stride)
    near, part = state.seen.within(box), in_steps(box, stride)
    matching = Matching.of(near.moving, near.fixed, near.windows(state.windows.size))
    left, right = (on_controls(u, stride)[:, :, *part] for u in (state.maps.left, state.maps.right))
    raw = torch.zeros_like(left).requires_grad_()
    optimiser = Adam(raw, schedule.learning_rate, betas=(0.9, 0.99))
    done = 0
    while done < steps and (step(done / steps) or not done):
        control = _bounded(raw, stride)
        # On the control grid, where u is smooth: an eighth of the work. L + u stands for L o (id + u).
        # Their two gradients are added up before that of the agreement is: in either order, for the same sum.
        shared = control.clone()
        roughness = _roughness(left + shared, right - shared)
        objective = matching.loss(upsample(control, stride, near.shape)) + state.level.smoothness * roughness
        objective.backward()
        optimiser.step()
        done += 1
    with torch.no_grad():
        shape = state.seen.shape
        control = raw.new_zeros(1, 3, *coarse_shape(shape, stride))
        control[:, :, *part] = _bounded(raw, stride)
        return _composed(state.maps, upsample(control, stride, shape)), done


def _bounded(raw: Tensor, stride: int) -> Tensor:
    """Control values, in control-grid voxels, of any real numbers; their spline is a contraction."""
    return MULTIPLIER * bound((stride,) * 3) * torch.tanh(raw)


def on_controls(u: Tensor, stride: int) -> Tensor:
    """A displacement averaged onto the control grid, in control-grid voxels."""
    return F.avg_pool3d(u, stride, ceil_mode=True, count_include_pad=False) / stride


def _roughness(left: Tensor, right: Tensor) -> Tensor:
    """Mean squared forward difference of two displacements."""
    return (roughness_of(left) + roughness_of(right)) / 2


def _composed(maps: HalfWay, u: Tensor) -> HalfWay:
    """L o (id + u) and R o (id - u) with their inverses; u is damped where either would be squeezed too hard."""
    squeezed = None
    for _ in range(6):
        u = u if squeezed is None else damped(u, squeezed)
        left, right = compose(maps.left, u), compose(maps.right, -u)
        squeezed = too_squeezed(left, LEAST_OF_HALF) | too_squeezed(right, LEAST_OF_HALF)
        if not bool(squeezed.any()):
            break
    return HalfWay(
        left,
        right,
        compose(solve_inverse(u, _NEARLY)[0], maps.left_inverse),
        compose(solve_inverse(-u, _NEARLY)[0], maps.right_inverse),
    )
