"""Where the voxels of one box fall in another, slab by slab so that no image is ever expanded whole."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from sitreg_engine.fields import DisplacementField
from sitreg_engine.geometry import Grid, apply
from sitreg_engine.images import Volume
from sitreg_engine.mappings import sample

_SLAB_VOXELS = 2**19  # small enough to stay near the caches, large enough to keep two cores busy
_LATTICE_TOLERANCE = 1e-3  # voxels; headers that went through float32 differ by about 1e-5


def slabs(shape: tuple[int, int, int], voxels: int = _SLAB_VOXELS) -> Iterator[slice]:
    """Slices along the first axis, together the whole of it, of about `voxels` voxels each."""
    rows = max(1, voxels // (shape[1] * shape[2]))
    for start in range(0, shape[0], rows):
        yield slice(start, min(start + rows, shape[0]))


def lattice_offset(grid: Grid, onto: Grid) -> tuple[int, int, int] | None:
    """The index in `grid` of voxel (0, 0, 0) of `onto`, when every voxel of `onto` IS a voxel of `grid`; else None."""
    step = grid.world_to_voxel @ onto.voxel_to_world
    ends = np.array([(0, 0, 0), *(np.diag(onto.shape) - np.eye(3, dtype=int)), np.array(onto.shape) - 1])
    offset = np.rint(step[:3, 3])
    if np.abs(apply(step, ends) - ends - offset).max() > _LATTICE_TOLERANCE:
        return None
    if (offset < 0).any() or (offset + onto.shape > grid.shape).any():
        return None
    return tuple(map(int, offset))


def lattice(matrix: np.ndarray, shape: tuple[int, int, int], rows: slice) -> Tensor:
    """A 4x4 matrix applied to the voxel indices of some `rows` of a box, (3, rows, J, K) float32."""
    axes = [np.arange(rows.start, rows.stop), np.arange(shape[1]), np.arange(shape[2])]
    # The map is affine: three short vectors per channel, added by broadcasting, instead of a matrix product per voxel.
    parts = [torch.from_numpy(np.float32(np.outer(matrix[:3, a], axis))) for a, axis in enumerate(axes)]
    first = parts[0] + torch.from_numpy(np.float32(matrix[:3, 3]))[:, None]
    return first[:, :, None, None] + (parts[1][:, :, None] + parts[2][:, None, :])[:, None]


def displacements(field: DisplacementField, onto: Grid, rows: slice) -> Tensor:
    """The field's vectors at the voxel centres of some `rows` of `onto`, (3, rows, J, K) mm; edges held."""
    vectors = torch.from_numpy(field.vectors)
    offset = lattice_offset(field.grid, onto)
    if offset is not None:
        i, j, k = offset
        return vectors[:, i + rows.start : i + rows.stop, j : j + onto.shape[1], k : k + onto.shape[2]]
    step = field.grid.world_to_voxel @ onto.voxel_to_world
    return sample(vectors[None], lattice(step, onto.shape, rows)[None])[0]


def image_coordinates(field: DisplacementField, onto: Grid, target: Grid, rows: slice) -> Tensor:
    """Where x + u(x) lies in `target`, for the voxel centres x of some `rows` of `onto`: (3, rows, J, K) voxels."""
    moved = displacements(field, onto, rows)
    linear = torch.from_numpy(np.float32(target.world_to_voxel[:3, :3]))
    coordinates = (linear @ moved.reshape(3, -1)).reshape(moved.shape)
    return coordinates.add_(lattice(target.world_to_voxel @ onto.voxel_to_world, onto.shape, rows))


def inside(coordinates: Tensor, shape: tuple[int, int, int]) -> Tensor:
    """Which voxel coordinates (3, ...) ITK takes to lie in a box: up to half a voxel beyond the centres; never NaN."""
    result = torch.ones(coordinates.shape[1:], dtype=torch.bool)
    for axis, size in enumerate(shape):
        result &= (coordinates[axis] >= -0.5) & (coordinates[axis] < size - 0.5)
    return result


def nearest(volume: Volume, coordinates: Tensor, background: float) -> np.ndarray:
    """Values of the voxels nearest to voxel `coordinates` (3, ...), in the volume's dtype; `background` outside."""
    found = inside(coordinates, volume.grid.shape)
    flat = torch.zeros(coordinates.shape[1:], dtype=torch.int64)
    for axis, size in enumerate(volume.grid.shape):
        index = torch.floor(coordinates[axis] + 0.5)  # half up, as ITK rounds
        flat = flat * size + torch.where(found, index, 0).long()
    # numpy's take, not torch's: label maps come in unsigned types torch cannot index
    values = np.take(volume.array.reshape(-1), flat.numpy())
    values[~found.numpy()] = background
    return values


def mask_on(mask: Volume, onto: Grid) -> np.ndarray:
    """A mask (non-zero = inside) on another grid by nearest neighbour, bool (I, J, K); False outside its image."""
    step = mask.grid.world_to_voxel @ onto.voxel_to_world
    binary = Volume(mask.array != 0, mask.grid)
    result = np.empty(onto.shape, dtype=bool)
    for rows in slabs(onto.shape):
        result[rows] = nearest(binary, lattice(step, onto.shape, rows), False)
    return result
