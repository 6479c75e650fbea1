"""Images and label maps pulled through a displacement field onto a grid: value at x = moving(x + u(x))."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from sitreg_engine.fields import DisplacementField
from sitreg_engine.geometry import Grid
from sitreg_engine.images import Volume
from sitreg_engine.lattices import axes_along, in_slabs, lattice, with_axes
from sitreg_engine.mappings import sample

from .sampling import image_coordinates, inside, nearest, with_field_axes

Check = Callable[[], None]  # called now and then; may raise to stop
Pulled = Callable[[Tensor], np.ndarray]  # voxel coordinates (3, ...) in the moving image -> its values there


def warp_image(
    moving: Volume, field: DisplacementField, onto: Grid, background: float | None = None, check: Check = lambda: None
) -> np.ndarray:
    """The moving image on the grid `onto`, trilinear, float32 (I, J, K).

    Outside the moving image's field of view it is `background`, by default the image's minimum.
    """
    return _by_field(np.empty(onto.shape, np.float32), moving.grid, field, onto, _values(moving, background), check)


def warp_labels(
    moving: Volume, field: DisplacementField, onto: Grid, background: int = 0, check: Check = lambda: None
) -> np.ndarray:
    """The moving label map on the grid `onto`, nearest neighbour (labels are never blended), dtype kept, (I, J, K)."""
    result = np.empty(onto.shape, moving.array.dtype)
    return _by_field(result, moving.grid, field, onto, lambda places: nearest(moving, places, background), check)


def align_image(moving: Volume, matrix: np.ndarray, onto: Grid, check: Check = lambda: None) -> np.ndarray:
    """`warp_image` by an affine map alone: a 4x4 matrix of world points, LPS mm."""
    result = np.empty(onto.shape, np.float32)
    return _by_matrix(result, moving.grid.world_to_voxel @ matrix, onto, _values(moving, None), check)


def align_labels(moving: Volume, matrix: np.ndarray, onto: Grid, check: Check = lambda: None) -> np.ndarray:
    """`warp_labels` by an affine map alone: a 4x4 matrix of world points, LPS mm."""
    result, into = np.empty(onto.shape, moving.array.dtype), moving.grid.world_to_voxel @ matrix
    return _by_matrix(result, into, onto, lambda places: nearest(moving, places, 0), check)


def _values(moving: Volume, background: float | None) -> Pulled:
    beyond = float(np.min(moving.array)) if background is None else background
    values = torch.from_numpy(np.ascontiguousarray(moving.array, dtype=np.float32))[None, None]

    def pulled(places: Tensor) -> np.ndarray:
        outside = ~inside(places, moving.grid.shape)
        return sample(values, places[None])[0, 0].masked_fill_(outside, beyond).numpy()

    return pulled


def _by_field(
    result: np.ndarray, moving: Grid, field: DisplacementField, onto: Grid, pulled: Pulled, check: Check
) -> np.ndarray:
    order = axes_along(onto, moving.world_to_voxel)
    walk, filled = with_axes(onto, order), result.transpose(order)
    turned_field = with_field_axes(field, order, walk)

    def fill(rows: slice) -> None:
        filled[rows] = pulled(image_coordinates(turned_field, walk, moving, rows))

    in_slabs(fill, walk.shape, check)
    return result


def _by_matrix(result: np.ndarray, into: np.ndarray, onto: Grid, pulled: Pulled, check: Check) -> np.ndarray:
    order = axes_along(onto, into)
    walk, filled = with_axes(onto, order), result.transpose(order)

    def fill(rows: slice) -> None:
        filled[rows] = pulled(lattice(into @ walk.voxel_to_world, walk.shape, rows))

    in_slabs(fill, walk.shape, check)
    return result
