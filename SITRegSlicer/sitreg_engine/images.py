"""Images between SimpleITK and the engine: `Volume` = array in index order (i, j, k) + `Grid`."""

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from .geometry import Grid


@dataclass(frozen=True)
class Volume:
    """A scalar image in the world."""

    array: np.ndarray  # (I, J, K), ITK index order
    grid: Grid


def grid_of(image: sitk.Image) -> Grid:
    """The grid of a 3-D SimpleITK image."""
    return Grid(image.GetSize(), image.GetSpacing(), image.GetOrigin(), image.GetDirection())


def from_sitk(image: sitk.Image) -> Volume:
    """A 3-D scalar SimpleITK image as a Volume (dtype kept, memory copied)."""
    array = sitk.GetArrayViewFromImage(image).transpose(2, 1, 0)
    return Volume(np.ascontiguousarray(array), grid_of(image))


def to_sitk(array: np.ndarray, grid: Grid) -> sitk.Image:
    """A SimpleITK image from an array (I, J, K), or from (3, I, J, K) as a vector image."""
    if array.ndim == 4:
        image = sitk.GetImageFromArray(np.ascontiguousarray(array.transpose(3, 2, 1, 0)), isVector=True)
    else:
        image = sitk.GetImageFromArray(np.ascontiguousarray(array.transpose(2, 1, 0)))
    image.SetSpacing(grid.spacing)
    image.SetOrigin(grid.origin)
    image.SetDirection(grid.direction)
    return image
