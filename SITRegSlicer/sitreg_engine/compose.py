"""Affine and dense part as ONE map per direction, sampled around its own image.

forward = to_moving o L o R^-1 o to_fixed^-1 and inverse = to_fixed o R o L^-1 o to_moving^-1, with the half-way maps
L and R of the working grid. Each chain is followed point by point: nothing but the result is sampled.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import numpy as np
import torch
from torch import Tensor

from .fields import DisplacementField, step_of
from .geometry import Grid, apply
from .lattices import Box, Part, axes_along, in_parts, placed, slab_boxes, turned, with_axes
from .mappings import sample
from .models.halfway import HalfWay
from .prepare import Pair

# How far beyond its own image a field may reach to cover what the other one sends there, in image sizes. Points
# further out are of no use to either image, and following them could need any amount of memory.
MOST_BEYOND = 0.15
# Where image voxels lie between the samples of a field, of the way. A linear interpolant of f errs by t (1 - t) / 2 of
# its second derivative between two samples (t = 0 .. 1), by 1/12 on average: here, it errs by as much. At a sample
# one field would be exact, and the other one, met anywhere between its own samples, would not undo it. Like this the
# two errors cancel on average, as the second derivatives of a map and its inverse are opposite to first order.
_BETWEEN = 0.5 - 12**-0.5
_LATTICE = 9  # points along each edge of the other image's box that are followed


@dataclass(frozen=True)
class Chain:
    """A map of world points through the half-way space; outside the working grid the dense part's edge holds."""

    into: np.ndarray  # 4x4, LPS mm -> half-way voxel
    first: Tensor  # (1, 3, I, J, K) displacement in voxels, applied first
    second: Tensor
    out: np.ndarray  # 4x4, half-way voxel -> LPS mm

    def sampled(self, grid: Grid, check: Callable[[], None] = lambda: None) -> DisplacementField:
        """The map's displacements at all voxels of a grid. `check` is called now and then, and may raise to stop."""
        vectors = np.empty((3, *grid.shape), np.float32)
        order = axes_along(grid, self.into)
        walk, filled = with_axes(grid, order), torch.from_numpy(vectors.transpose(0, *(axis + 1 for axis in order)))
        parts = slab_boxes(tuple(slice(0, n) for n in walk.shape))
        in_parts(lambda part: self.fill(filled, walk, part), parts, check, self.first.device)
        return DisplacementField(vectors, grid)

    def fill(self, vectors: Tensor, grid: Grid, part: Part) -> None:
        """A part of the map's displacements (3, I, J, K), mm, at the voxels of a grid."""
        device = self.first.device
        moved = self._through(placed(self.into @ grid.voxel_to_world, part).to(device)[None])[0]
        # What both have in common is taken off first: far from the origin, float32 would leave little of the rest.
        matrix = grid.voxel_to_world.copy()
        matrix[:3, 3] -= self.out[:3, 3]
        start = placed(matrix, part).to(device)
        vectors[(slice(None), *part)] = turned(self.out, moved).sub_(start).cpu()

    def map_points(self, points: np.ndarray) -> np.ndarray:
        """World points (N, 3), LPS mm."""
        voxels = torch.from_numpy(np.float32(apply(self.into, points)).T.copy()).to(self.first.device)
        moved = self._through(voxels[None, :, :, None, None])
        return apply(self.out, moved[0, :, :, 0, 0].T.cpu().numpy().astype(float))

    def half_way(self, points: np.ndarray) -> np.ndarray:
        """Where world points (N, 3) lie in the half-way space, voxels (N, 3)."""
        voxels = torch.from_numpy(np.float32(apply(self.into, points)).T.copy()).to(self.first.device)
        moved = voxels + sample(self.first, voxels[None, :, :, None, None])[0, :, :, 0, 0]
        return moved.T.cpu().numpy()

    def _through(self, voxels: Tensor) -> Tensor:
        voxels = sample(self.first, voxels).add_(voxels)
        return sample(self.second, voxels).add_(voxels)


@dataclass(frozen=True)
class WorldMaps:
    """Both directions of one registration, as they are saved."""

    forward: DisplacementField  # fixed -> moving, around the fixed image
    inverse: DisplacementField  # moving -> fixed, around the moving image


def compose_fields(
    pair: Pair, maps: HalfWay, fixed: Grid, moving: Grid, check: Callable[[], None] = lambda: None
) -> WorldMaps:
    """Each field covers its image's whole field of view and what the other map sends around it.

    `check` is called now and then, and may raise to stop.
    """
    forward, inverse = chains(pair, maps)
    spacing = pair.grid.spacing[0]
    boxes = [
        field_grid(own, spacing, back.map_points(_box_points(other)))
        for own, other, back in ((fixed, moving, inverse), (moving, fixed, forward))
    ]
    return WorldMaps(forward.sampled(boxes[0], check), inverse.sampled(boxes[1], check))


def chains(pair: Pair, maps: HalfWay) -> tuple[Chain, Chain]:
    """(forward, inverse) as functions of world points."""
    to_voxel, to_world = pair.grid.world_to_voxel, pair.grid.voxel_to_world
    from_fixed, from_moving = (to_voxel @ np.linalg.inv(m) for m in (pair.to_fixed, pair.to_moving))
    return (
        Chain(from_fixed, maps.right_inverse, maps.left, pair.to_moving @ to_world),
        Chain(from_moving, maps.left_inverse, maps.right, pair.to_fixed @ to_world),
    )


def field_grid(image: Grid, spacing: float, reached: np.ndarray) -> Grid:
    """Where to sample a field for `image`: along its axes, over its box and the world points `reached` (N, 3).

    The steps along the axes are those that are nearest to `spacing` mm (step_of); image voxels lie where interpolation
    errs by its average. A step more than needed lies on every side.
    """
    steps = np.array([step_of(own, spacing) for own in image.spacing])  # in image voxels
    size = np.array(image.shape)
    low, high = np.full(3, -0.5), size - 0.5
    limit = MOST_BEYOND * size
    voxels = apply(image.world_to_voxel, reached)
    low = np.minimum(low, np.maximum(voxels.min(axis=0), low - limit))
    high = np.maximum(high, np.minimum(voxels.max(axis=0), high + limit))
    first, last = np.floor(low / steps) - 1, np.ceil(high / steps) + 1
    origin = apply(image.voxel_to_world, first * steps + _between(steps) * _ways(image))
    return Grid(
        tuple(int(n) for n in last - first + 1),
        tuple(float(s) for s in steps * image.spacing),
        tuple(map(float, origin)),
        image.direction,
    )


def dense_boxes(pair: Pair, fields: WorldMaps) -> tuple[Box, Box]:
    """Which voxels of either field can lie in the working grid; beyond it, a field is nearly affine."""
    boxes = []
    for field, to_image in ((fields.forward, pair.to_fixed), (fields.inverse, pair.to_moving)):
        voxels = apply(field.grid.world_to_voxel @ to_image, pair.grid.corners())
        low = np.clip(np.floor(voxels.min(axis=0)), 0, field.grid.shape).astype(int)
        high = np.clip(np.ceil(voxels.max(axis=0)) + 1, 0, field.grid.shape).astype(int)
        boxes.append(tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True)))
    return boxes[0], boxes[1]


def _ways(image: Grid) -> np.ndarray:
    """+1 or -1 along each axis, towards left, posterior or superior, so that the order of the axes decides nothing."""
    direction = np.array(image.direction).reshape(3, 3)
    return np.sign(direction[np.abs(direction).argmax(axis=0), range(3)])


def _between(steps: np.ndarray) -> np.ndarray:
    """How far the samples of a field lie off the image's voxels, in image voxels."""
    # With an odd number of steps to two voxels, every second voxel lies half a step further on: t (1 - t) / 2 and
    # (1/2 - t) (1/2 + t) / 2 are 1/12 on average for half of the t that is right for a single place.
    odd = np.rint(2 / steps) % 2 == 1
    return np.where((steps < 1) & odd, _BETWEEN / 2, _BETWEEN) * np.minimum(steps, 1)


def _box_points(grid: Grid) -> np.ndarray:
    """A regular lattice of points over the whole box of a grid, its outer faces included, LPS mm."""
    axes = [np.linspace(-0.5, n - 0.5, _LATTICE) for n in grid.shape]
    return apply(grid.voxel_to_world, np.array(list(product(*axes))))
