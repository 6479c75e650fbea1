"""Images and label maps pulled through a displacement field onto a grid: value at x = moving(x + u(x))."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from sitreg_engine.fields import DisplacementField
from sitreg_engine.geometry import Grid
from sitreg_engine.images import Volume
from sitreg_engine.lattices import in_slabs, lattice
from sitreg_engine.mappings import sample

from .sampling import image_coordinates, inside, nearest

Places = Callable[[slice], Tensor]  # rows of a grid -> where they lie in the moving image, (3, rows, J, K) voxels
Check = Callable[[], None]  # called now and then; may raise to stop


def warp_image(
    moving: Volume, field: DisplacementField, onto: Grid, background: float | None = None, check: Check = lambda: None
) -> np.ndarray:
    """The moving image on the grid `onto`, trilinear, float32 (I, J, K).

    Outside the moving image's field of view it is `background`, by default the image's minimum.
    """
    return _image_at(moving, _by_field(moving, field, onto), onto, background, check)


def warp_labels(
    moving: Volume, field: DisplacementField, onto: Grid, background: int = 0, check: Check = lambda: None
) -> np.ndarray:
    """The moving label map on the grid `onto`, nearest neighbour (labels are never blended), dtype kept, (I, J, K)."""
    return _labels_at(moving, _by_field(moving, field, onto), onto, background, check)


def align_image(moving: Volume, matrix: np.ndarray, onto: Grid, check: Check = lambda: None) -> np.ndarray:
    """`warp_image` by an affine map alone: a 4x4 matrix of world points, LPS mm."""
    return _image_at(moving, _by_matrix(moving, matrix, onto), onto, None, check)


def align_labels(moving: Volume, matrix: np.ndarray, onto: Grid, check: Check = lambda: None) -> np.ndarray:
    """`warp_labels` by an affine map alone: a 4x4 matrix of world points, LPS mm."""
    return _labels_at(moving, _by_matrix(moving, matrix, onto), onto, 0, check)


def _by_field(moving: Volume, field: DisplacementField, onto: Grid) -> Places:
    return lambda rows: image_coordinates(field, onto, moving.grid, rows)


def _by_matrix(moving: Volume, matrix: np.ndarray, onto: Grid) -> Places:
    step = moving.grid.world_to_voxel @ matrix @ onto.voxel_to_world
    return lambda rows: lattice(step, onto.shape, rows)


def _image_at(moving: Volume, places: Places, onto: Grid, background: float | None, check: Check) -> np.ndarray:
    if background is None:
        background = float(np.min(moving.array))
    values = torch.from_numpy(np.ascontiguousarray(moving.array, dtype=np.float32))[None, None]
    result = np.empty(onto.shape, dtype=np.float32)

    def fill(rows: slice) -> None:
        coordinates = places(rows)
        outside = ~inside(coordinates, moving.grid.shape)
        result[rows] = sample(values, coordinates[None])[0, 0].masked_fill_(outside, background).numpy()

    in_slabs(fill, onto.shape, check)
    return result


def _labels_at(moving: Volume, places: Places, onto: Grid, background: int, check: Check) -> np.ndarray:
    result = np.empty(onto.shape, dtype=moving.array.dtype)

    def fill(rows: slice) -> None:
        result[rows] = nearest(moving, places(rows), background)

    in_slabs(fill, onto.shape, check)
    return result
