"""Masks and label maps that belong to an image."""

import numpy as np
import SimpleITK as sitk

from sitreg_engine.errors import InputError
from sitreg_engine.geometry import Grid, apply
from sitreg_engine.images import Volume, from_sitk, to_sitk

from .scalar import read_scalar_image


def read_mask(path: str, grid: Grid, role: str) -> Volume:
    """A mask as uint8 zeros and ones on `grid`, that of its image; nearest neighbour when stored on another grid.

    Every voxel that is not zero is inside. Raises InputError when the mask is empty or does not meet the image.
    """
    stored = _whole_numbers(path, role)
    inside = Volume((stored.array != 0).astype(np.uint8), stored.grid)
    _check_place(inside, grid, path, role)
    if stored.grid == grid:
        return inside
    image = sitk.Resample(to_sitk(inside.array, inside.grid), _like(grid), sitk.Transform(), sitk.sitkNearestNeighbor)
    mask = from_sitk(image)
    if not mask.array.any():
        raise InputError(f"The {role} {path} is so small that no voxel of its image lies in it. Draw it on the image.")
    return mask


def read_labels(path: str, grid: Grid, role: str) -> Volume:
    """A label map on its OWN grid and in its own integer type (whole numbers stored as float become int32).

    `grid` is that of the image it belongs to. Raises InputError when it holds fractions, when it is empty, and
    when no labelled voxel lies within the image.
    """
    labels = _whole_numbers(path, role)
    _check_place(labels, grid, path, role)
    return labels


def _whole_numbers(path: str, role: str) -> Volume:
    stored = from_sitk(read_scalar_image(path, role))
    if stored.array.dtype.kind in "iu":
        return stored
    largest = np.iinfo(np.int32).max
    if not np.all(np.abs(stored.array) <= largest) or np.any(stored.array != np.rint(stored.array)):
        raise InputError(f"The {role} must hold whole numbers, {path} holds others. Is it an image by mistake?")
    return Volume(stored.array.astype(np.int32), stored.grid)


def _check_place(stored: Volume, grid: Grid, path: str, role: str) -> None:
    """At least one voxel that is not zero, and one of them within the box of `grid` (half a voxel around it)."""
    if not stored.array.any():
        raise InputError(f"Nothing is marked in the {role}: every voxel of {path} is 0. Check the file.")
    if stored.grid == grid:
        return
    voxels = apply(grid.world_to_voxel @ stored.grid.voxel_to_world, np.argwhere(stored.array))
    if not np.any(np.all((voxels >= -0.5) & (voxels <= np.array(grid.shape) - 0.5), axis=1)):
        raise InputError(f"The {role} {path} and its image do not overlap in space. Do they belong together?")


def _like(grid: Grid) -> sitk.Image:
    return to_sitk(np.zeros(grid.shape, np.uint8), grid)
