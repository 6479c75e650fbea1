"""Where the voxels of one box fall in another, some rows at a time so that no image is ever expanded whole."""

import numpy as np
import torch
from torch import Tensor

from sitreg_engine.fields import DisplacementField
from sitreg_engine.geometry import Grid
from sitreg_engine.images import Volume
from sitreg_engine.lattices import Axes, in_slabs, lattice, overlap_of, part_of, turned, with_axes
from sitreg_engine.mappings import sample


def displacements(field: DisplacementField, onto: Grid, rows: slice) -> Tensor:
    """The field's vectors at the voxel centres of some `rows` of `onto`, (3, rows, J, K) mm; edges held."""
    vectors = torch.from_numpy(field.vectors)
    part = part_of(field.grid, onto)
    if part is not None:
        return vectors[(slice(None), *part)][:, rows]
    step = field.grid.world_to_voxel @ onto.voxel_to_world
    return sample(vectors[None], lattice(step, onto.shape, rows)[None])[0]


def with_field_axes(field: DisplacementField, order: Axes, onto: Grid) -> DisplacementField:
    """The same field with its axes in another order, in which its vectors are to be looked up on the grid `onto`."""
    vectors, grid = field.vectors.transpose(0, *(axis + 1 for axis in order)), with_axes(field.grid, order)
    # What is cut out may lie in memory in any order, but what is sampled may not.
    return DisplacementField(vectors if part_of(grid, onto) else np.ascontiguousarray(vectors), grid)


def image_coordinates(field: DisplacementField, onto: Grid, target: Grid, rows: slice) -> Tensor:
    """Where x + u(x) lies in `target`, for the voxel centres x of some `rows` of `onto`: (3, rows, J, K) voxels."""
    moved = turned(target.world_to_voxel, displacements(field, onto, rows))
    return moved.add_(lattice(target.world_to_voxel @ onto.voxel_to_world, onto.shape, rows))


def inside(coordinates: Tensor, shape: tuple[int, int, int]) -> Tensor:
    """Which voxel coordinates (3, ...) ITK takes to lie in a box: up to half a voxel beyond the centres; never NaN."""
    result = torch.ones(coordinates.shape[1:], dtype=torch.bool)
    for axis, size in enumerate(shape):
        result &= (coordinates[axis] >= -0.5) & (coordinates[axis] < size - 0.5)
    return result


def nearest(volume: Volume, coordinates: Tensor, background: float) -> np.ndarray:
    """Values of the voxels nearest to voxel `coordinates` (3, ...), in the volume's dtype; `background` outside."""
    found = torch.ones(coordinates.shape[1:], dtype=torch.bool)
    flat = torch.zeros(coordinates.shape[1:], dtype=torch.int64)
    for axis, size in enumerate(volume.grid.shape):
        index = (coordinates[axis] + 0.5).floor_()  # half up, as ITK rounds
        found &= (index >= 0) & (index < size)
        flat.mul_(size).add_(index.long())
    # numpy's take, not torch's: label maps come in unsigned types torch cannot index
    values = np.take(volume.array.reshape(-1), flat.masked_fill_(~found, 0).numpy())
    values[~found.numpy()] = background
    return values


def mask_on(mask: Volume, onto: Grid) -> np.ndarray:
    """A mask (non-zero = inside) on another grid by nearest neighbour, bool (I, J, K); False outside its image."""
    result = np.zeros(onto.shape, dtype=bool)
    common = overlap_of(mask.grid, onto)
    if common is not None:
        here, there = common
        np.not_equal(mask.array[here], 0, out=result[there])
        return result
    step, binary = mask.grid.world_to_voxel @ onto.voxel_to_world, Volume(mask.array != 0, mask.grid)

    def fill(rows: slice) -> None:
        result[rows] = nearest(binary, lattice(step, onto.shape, rows), False)

    in_slabs(fill, onto.shape)
    return result


def eroded(where: np.ndarray, reach: int) -> np.ndarray:
    """What of `where` (I, J, K) bool has nothing else within `reach` voxels along each axis; its edge is none."""
    result = where.copy()
    for axis in range(3):
        given, left = np.moveaxis(result.copy(), axis, 0), np.moveaxis(result, axis, 0)
        for step in range(1, reach + 1):
            left[step:] &= given[:-step]
            left[:-step] &= given[step:]
    return result
