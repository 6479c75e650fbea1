"""Both maps of a pair as functions of coordinates, and their values on voxel grids."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from sitreg_engine.mappings import voxels_of
from sitreg_engine.models.halfway import HalfWay
from sitreg_engine.parallel import in_parallel

from .coordinate_mlp import CoordinateMLP
from .latents import Latents

BLOCK = 8192  # points evaluated together: how much memory that takes, and nothing else, depends on it


@dataclass(frozen=True)
class FunctionalMaps:
    """Points and displacements (P, D) are in normalised coordinates, see latents.py."""

    ahead: CoordinateMLP  # fixed -> moving
    back: CoordinateMLP  # moving -> fixed; an approximate inverse
    latents: Latents

    def forward(self, points: Tensor) -> Tensor:
        """Where points of image 2 (fixed) lie in image 1 (moving)."""
        return points + self.ahead(points, self.latents)

    def backward(self, points: Tensor) -> Tensor:
        """Where points of image 1 lie in image 2."""
        return points + self.back(points, self.latents)

    def halfway(self, shape: tuple[int, int, int], check: Callable[[], None] = lambda: None) -> HalfWay:
        """On a grid: left is the whole way ahead, left_inverse the whole way back, the right half stays where it is.

        `check` is called now and then, and may raise to stop.
        """
        ahead, back = (on_grid(mlp, self.latents, shape, check=check) for mlp in (self.ahead, self.back))
        still = torch.zeros_like(ahead)
        return HalfWay(ahead, still, back, still)


def on_grid(
    mlp: CoordinateMLP,
    latents: Latents,
    shape: tuple[int, int, int],
    block: int = BLOCK,
    check: Callable[[], None] = lambda: None,
) -> Tensor:
    """The displacements (1, 3, I, J, K), in voxels, at all voxels of a grid of any resolution over the same box."""
    like = latents.local
    count, half = shape[0] * shape[1] * shape[2], half_extents(shape, like)

    def values(start: int) -> Tensor:
        check()
        index = torch.arange(start, min(start + block, count), device=like.device)
        return mlp(grid_points(index, shape, like), latents) * half

    starts = range(0, count, block)
    # Threads of their own keep no gradients: in training, blocks follow each other.
    found = [values(s) for s in starts] if torch.is_grad_enabled() else in_parallel(values, starts, like.device)
    # As other fields lie in memory: whoever samples them slab by slab would copy the whole of them each time.
    return torch.cat(found).T.contiguous().view(1, -1, *shape)


def grid_points(index: Tensor, shape: tuple[int, int, int], like: Tensor) -> Tensor:
    """Normalised coordinates (P, 3) of voxels, given as flat numbers (P,) in a box."""
    return to_normalised(voxels_of(index, shape).T.to(like), shape)


def to_normalised(voxels: Tensor, shape: tuple[int, int, int]) -> Tensor:
    """Voxel coordinates (P, 3) -> normalised ones; an axis of one voxel has no extent, its voxel is at 0."""
    return in_units(voxels, shape) - half_extents(shape, voxels).sign()


def in_units(steps: Tensor, shape: tuple[int, int, int]) -> Tensor:
    """Steps (P, 3) in voxels -> in normalised coordinates; there are none along an axis of one voxel."""
    half = half_extents(shape, steps)
    return torch.where(half > 0, steps / half.clamp_min(0.5), torch.zeros_like(steps))


def half_extents(shape: tuple[int, int, int], like: Tensor) -> Tensor:
    """(3,) voxels from the middle of the grid to the centres of its last voxels: the unit of normalised coordinates."""
    return torch.tensor([(n - 1) / 2 for n in shape], dtype=like.dtype, device=like.device)
