"""Images and label maps pulled through a displacement field onto a grid: value at x = moving(x + u(x))."""

import numpy as np
import torch

from sitreg_engine.fields import DisplacementField
from sitreg_engine.geometry import Grid, apply
from sitreg_engine.images import Volume
from sitreg_engine.mappings import sample

from .sampling import image_coordinates, inside, nearest, slabs


def warp_image(moving: Volume, field: DisplacementField, onto: Grid, background: float | None = None) -> np.ndarray:
    """The moving image on the grid `onto`, trilinear, float32 (I, J, K).

    Outside the moving image's field of view it is `background`, by default the image's minimum.
    """
    if background is None:
        background = float(np.min(moving.array))
    values = torch.from_numpy(np.ascontiguousarray(moving.array, dtype=np.float32))[None, None]
    result = np.empty(onto.shape, dtype=np.float32)
    for rows in slabs(onto.shape):
        coordinates = image_coordinates(field, onto, moving.grid, rows)
        found = inside(coordinates, moving.grid.shape)
        warped = sample(values, coordinates[None])[0, 0]
        result[rows] = warped.masked_fill_(~found, background).numpy()
    return result


def warp_labels(moving: Volume, field: DisplacementField, onto: Grid, background: int = 0) -> np.ndarray:
    """The moving label map on the grid `onto`, nearest neighbour (labels are never blended), dtype kept, (I, J, K)."""
    result = np.empty(onto.shape, dtype=moving.array.dtype)
    for rows in slabs(onto.shape):
        result[rows] = nearest(moving, image_coordinates(field, onto, moving.grid, rows), background)
    return result


def affine_field(matrix: np.ndarray, onto: Grid) -> DisplacementField:
    """A 4x4 world matrix as a field of 2x2x2 vectors at the outer corners of `onto`.

    Trilinear interpolation of an affine displacement is exact, so this serves to look at an alignment
    (identity included) with the same functions as at a dense result, inside `onto`.
    """
    box = np.array(onto.shape)
    grid = Grid(
        (2, 2, 2),
        tuple(float(s) for s in box * onto.spacing),
        tuple(map(float, apply(onto.voxel_to_world, np.full(3, -0.5)))),
        onto.direction,
    )
    corners = apply(grid.voxel_to_world, np.moveaxis(np.indices((2, 2, 2)), 0, -1))
    vectors = np.moveaxis(apply(matrix, corners) - corners, -1, 0)
    return DisplacementField(np.ascontiguousarray(vectors, dtype=np.float32), grid)
