"""The voxels of a box: worked off part by part on all cores, and their places in another box."""

from collections.abc import Callable, Iterator, Sequence
from itertools import permutations, product
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from .geometry import Grid, apply
from .parallel import CPU, in_parallel

Item = TypeVar("Item")
Found = TypeVar("Found")
Box = tuple[slice, slice, slice]
Voxels = tuple[Tensor, Tensor, Tensor]  # their indices along each axis, (P, 1, 1)
Part = Box | Voxels  # array[:, *part] is (3, P, Q, R)
Axes = tuple[int, int, int]

_SLAB_VOXELS = 2**17  # what is computed on the way from one slab to its result stays in the caches
_UNCHECKED_VOXELS = 2**22  # about 0.2 s of the slowest work on two cores
_TOLERANCE = 1e-3  # voxels; headers that went through float32 differ by about 1e-5


def in_slabs(
    work: Callable[[slice], Found],
    shape: tuple[int, int, int],
    check: Callable[[], None] = lambda: None,
    voxels: int = _SLAB_VOXELS,
) -> list[Found]:
    """[work(rows) for all slabs of a box], on all cores; see `slabs`.

    `check` is called now and then in the calling thread, and may raise to stop.
    """
    return _in_groups(work, list(slabs(shape, voxels)), max(voxels, shape[1] * shape[2]), check)


def slabs(shape: tuple[int, int, int], voxels: int = _SLAB_VOXELS) -> Iterator[slice]:
    """Slices along the first axis, together the whole of it, of at most `voxels` voxels (but one row at least) each."""
    rows = max(1, voxels // max(1, shape[1] * shape[2]))
    for start in range(0, shape[0], rows):
        yield slice(start, min(start + rows, shape[0]))


def lattice(matrix: np.ndarray, shape: tuple[int, int, int], rows: slice) -> Tensor:
    """A 4x4 matrix applied to the voxel indices of some `rows` of a box, (3, rows, J, K) float32."""
    axes = [np.arange(rows.start, rows.stop), np.arange(shape[1]), np.arange(shape[2])]
    # The map is affine: three short vectors per channel, added by broadcasting, instead of a matrix product per voxel.
    parts = [torch.from_numpy(np.float32(np.outer(matrix[:3, a], axis))) for a, axis in enumerate(axes)]
    first = parts[0] + torch.from_numpy(np.float32(matrix[:3, 3]))[:, None]
    return first[:, :, None, None] + (parts[1][:, :, None] + parts[2][:, None, :])[:, None]


def slab_boxes(box: Box) -> list[Box]:
    """A box, without steps, cut along its first axis; see `slabs`."""
    start, sizes = box[0].start, tuple(part.stop - part.start for part in box)
    return [(slice(start + rows.start, start + rows.stop), *box[1:]) for rows in slabs(sizes)]


def voxels_around(points: np.ndarray, shape: tuple[int, int, int], margin: int) -> list[Voxels]:
    """All voxels within `margin` of points (N, 3) in a box, in voxels, and some more; each once, cut like slabs."""
    size = 2 * margin  # of the blocks that the box is divided into, to be taken whole
    blocks = -(-np.array(shape) // size)
    reached = np.zeros(blocks + 2, bool)  # and one around them, for what lies outside
    ends = [
        np.clip(np.floor((points + shift) / size) + 1, 0, blocks + 1).astype(np.int32).T for shift in (-margin, margin)
    ]
    for corner in product(range(2), repeat=3):
        reached[tuple(ends[end][axis] for axis, end in enumerate(corner))] = True
    chosen = np.argwhere(reached[1:-1, 1:-1, 1:-1])
    together = max(1, _SLAB_VOXELS // size**3)
    return [_block_voxels(chosen[start : start + together], size, shape) for start in range(0, len(chosen), together)]


def _block_voxels(blocks: np.ndarray, size: int, shape: tuple[int, int, int]) -> Voxels:
    """The voxels of some blocks (B, 3) that a box of that `shape` is divided into."""
    inside = np.indices((size,) * 3).reshape(3, 1, -1)
    voxels = (size * blocks.T[:, :, None] + inside).reshape(3, -1)
    voxels = voxels[:, (voxels < np.array(shape)[:, None]).all(axis=0)]
    return tuple(torch.from_numpy(axis)[:, None, None] for axis in voxels)


def in_parts(
    work: Callable[[Part], Found],
    parts: Sequence[Part],
    check: Callable[[], None] = lambda: None,
    device: torch.device = CPU,
) -> list[Found]:
    """[work(part) for part in parts], on all cores; see `in_slabs`, and `in_parallel` for the device."""
    return _in_groups(work, parts, max(map(_count, parts), default=1), check, device)


def _in_groups(
    work: Callable[[Item], Found],
    items: Sequence[Item],
    voxels: int,
    check: Callable[[], None],
    device: torch.device = CPU,
) -> list[Found]:
    """[work(item) for item in items], of so many voxels at most each; `check` is called in between."""
    found, together = [], max(1, _UNCHECKED_VOXELS // max(voxels, 1))
    for start in range(0, len(items), together):
        found += in_parallel(work, items[start : start + together], device)
        check()
    return found


def _count(part: Part) -> int:
    """Its voxels."""
    if isinstance(part[0], slice):
        return int(np.prod([axis.stop - axis.start for axis in part]))
    return part[0].numel()


def placed(matrix: np.ndarray, part: Part) -> Tensor:
    """A 4x4 matrix applied to the voxel indices of a part, (3, ...) float32."""
    if isinstance(part[0], slice):
        first = np.eye(4)
        first[:3, 3] = [axis.start for axis in part]
        sizes = tuple(axis.stop - axis.start for axis in part)
        return lattice(matrix @ first, sizes, slice(0, sizes[0]))
    return turned(matrix, torch.stack(part).float()).add_(torch.from_numpy(np.float32(matrix[:3, 3, None, None, None])))


def turned(matrix: np.ndarray, vectors: Tensor) -> Tensor:
    """The linear part of a 4x4 matrix applied to vectors (3, ...); a new float32 tensor on the vectors' device."""
    linear = torch.from_numpy(np.float32(matrix[:3, :3])).to(vectors.device)
    return (linear @ vectors.reshape(3, -1)).view(vectors.shape)


def axes_along(grid: Grid, into: np.ndarray) -> Axes:
    """The order of a grid's axes in which each runs most along the axis of `into` that has its place.

    `into` is 4x4, world -> voxel of what is looked up at the voxels of `grid`: that is faster in the order in which it
    lies in memory.
    """
    steps = np.abs((into @ grid.voxel_to_world)[:3, :3])
    shares = steps / np.linalg.norm(steps, axis=0)  # of each step of `grid`, along the axes of `into`
    return max(permutations(range(3)), key=lambda axes: round(sum(shares[n, axis] for n, axis in enumerate(axes)), 6))


def with_axes(grid: Grid, order: Axes) -> Grid:
    """The grid of `array.transpose(order)`, for an array on `grid`."""
    direction = np.array(grid.direction).reshape(3, 3)[:, order]
    sizes = tuple(grid.shape[axis] for axis in order), tuple(grid.spacing[axis] for axis in order)
    return Grid(*sizes, grid.origin, tuple(map(float, direction.ravel())))


def part_of(grid: Grid, onto: Grid) -> Box | None:
    """Which voxels of `grid` those of `onto` are, when each voxel of `onto` IS one of `grid`; else None.

    The slices have a step where `onto` holds only every second, third, ... voxel.
    """
    found = _whole_steps(grid, onto)
    if found is None:
        return None
    starts, steps = found
    ends = [o + (n - 1) * s for o, n, s in zip(starts, onto.shape, steps, strict=True)]
    if any(o < 0 or end >= m for o, end, m in zip(starts, ends, grid.shape, strict=True)):
        return None
    return tuple(slice(o, end + 1, s) for o, end, s in zip(starts, ends, steps, strict=True))


def overlap_of(grid: Grid, onto: Grid) -> tuple[Box, Box] | None:
    """The same voxels in `grid` and in `onto`, when both are parts of one lattice; else None."""
    found = _whole_steps(grid, onto)
    if found is None or found[1] != (1, 1, 1):
        return None
    ends = [(max(o, 0), min(o + n, m)) for o, n, m in zip(found[0], onto.shape, grid.shape, strict=True)]
    here = tuple(slice(low, max(low, high)) for low, high in ends)
    return here, tuple(slice(s.start - o, s.stop - o) for s, o in zip(here, found[0], strict=True))


def _whole_steps(grid: Grid, onto: Grid) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """(first index, steps) in `grid` of the voxels of `onto`, when all of them lie on its lattice; else None."""
    matrix = grid.world_to_voxel @ onto.voxel_to_world
    start, steps = np.rint(matrix[:3, 3]), np.rint(np.diag(matrix[:3, :3]))
    corners = np.array(list(np.ndindex(2, 2, 2))) * (np.array(onto.shape) - 1)
    if (steps < 1).any() or np.abs(apply(matrix, corners) - (start + corners * steps)).max() > _TOLERANCE:
        return None
    return tuple(map(int, start)), tuple(map(int, steps))


def cut_out(grid: Grid, box: Box) -> Grid:
    """The grid of `array[box]`, for an array on `grid`; the slices may have steps."""
    ranges = [range(n)[part] for n, part in zip(grid.shape, box, strict=True)]
    return Grid(
        tuple(len(r) for r in ranges),
        tuple(s * r.step for s, r in zip(grid.spacing, ranges, strict=True)),
        tuple(map(float, apply(grid.voxel_to_world, np.array([r.start for r in ranges])))),
        grid.direction,
    )


def box_around(chosen: np.ndarray, margin: int = 0) -> Box:
    """The box of all that is true in a bool array (I, J, K), and `margin` voxels more; empty where nothing is true."""
    planes = chosen.any(axis=0)  # (J, K)
    result = []
    for hits, size in zip((chosen.any(axis=(1, 2)), planes.any(axis=1), planes.any(axis=0)), chosen.shape, strict=True):
        where = np.flatnonzero(hits)
        result.append(
            slice(max(where[0] - margin, 0), min(where[-1] + 1 + margin, size)) if where.size else slice(0, 0)
        )
    return tuple(slice(int(part.start), int(part.stop)) for part in result)
