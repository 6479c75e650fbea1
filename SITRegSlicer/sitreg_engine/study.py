"""The common ground of two images, chosen so that no result depends on how they happen to be stored.

`canonical` undoes the storage order (48 axis orders and flips hold the same image); `study_frame` undoes the pose
of the scanner table: a rigid frame midway between both images, in which alignment and preparation are computed.
Turning both headers by any rotation turns the frame with them, and swapping the images leaves it where it was.
"""

import itertools

import numpy as np

from .geometry import Grid, apply
from .images import Volume


def canonical(volume: Volume) -> Volume:
    """The same voxels at the same places with axes permuted and flipped to lie nearest to L, P, S.

    Exact: no resampling. The array is contiguous, so that equal images are equal in memory too.
    """
    direction = np.array(volume.grid.direction).reshape(3, 3)
    order, flips = _nearest_axes(direction)
    array = volume.array.transpose(order)
    array = array[tuple(slice(None, None, -1) if flip else slice(None) for flip in flips)]
    first = [volume.grid.shape[axis] - 1 if flip else 0 for axis, flip in zip(order, flips, strict=True)]
    index = np.zeros(3)
    index[list(order)] = first
    signs = np.where(flips, -1.0, 1.0)
    return Volume(
        np.ascontiguousarray(array),
        Grid(
            tuple(volume.grid.shape[axis] for axis in order),
            tuple(volume.grid.spacing[axis] for axis in order),
            tuple(map(float, apply(volume.grid.voxel_to_world, index))),
            tuple(map(float, (direction[:, list(order)] * signs).ravel())),
        ),
    )


def _nearest_axes(direction: np.ndarray) -> tuple[tuple[int, ...], list[bool]]:
    """Which storage axis runs nearest to world axis 0, 1, 2, and whether it runs backwards."""
    order = max(itertools.permutations(range(3)), key=lambda axes: _along(direction, axes))
    return order, [bool(direction[world, axis] < 0) for world, axis in enumerate(order)]


def _along(direction: np.ndarray, axes: tuple[int, ...]) -> float:
    # Rounded, so that noise in a header does not decide between two equally good orders.
    return round(float(sum(abs(direction[world, axis]) for world, axis in enumerate(axes))), 6)


def study_frame(fixed: Grid, moving: Grid) -> np.ndarray:
    """4x4 rigid, local mm -> world mm, of two canonical grids: mean rotation, origin midway between the centres.

    The mean rotation is the rotation nearest to the sum of both directions (polar projection); where the directions
    oppose each other and there is no such rotation, the frame keeps the world's axes.
    """
    total = sum(np.array(grid.direction).reshape(3, 3) for grid in (fixed, moving))
    u, sizes, vt = np.linalg.svd(total)
    frame = np.eye(4)
    if sizes[-1] > 0.1:
        frame[:3, :3] = u @ np.diag([1.0, 1.0, np.sign(np.linalg.det(u @ vt))]) @ vt
    frame[:3, 3] = (fixed.centre + moving.centre) / 2
    return frame
