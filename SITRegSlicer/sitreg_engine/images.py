"""Images between SimpleITK and the engine: `Volume` = array in index order (i, j, k) + `Grid`."""

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from .geometry import Grid
from .parallel import in_parallel

_ROWS = 2  # turned at a time


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
    return Volume(with_axes_reversed(sitk.GetArrayViewFromImage(image)), grid_of(image))


def to_sitk(array: np.ndarray, grid: Grid) -> sitk.Image:
    """A SimpleITK image from an array (I, J, K), or from (3, I, J, K) as a vector image."""
    image = sitk.GetImageFromArray(with_axes_reversed(array), isVector=array.ndim == 4)
    image.SetSpacing(grid.spacing)
    image.SetOrigin(grid.origin)
    image.SetDirection(grid.direction)
    return image


def with_axes_reversed(array: np.ndarray) -> np.ndarray:
    """A contiguous copy: (K, J, I), as SimpleITK's arrays are, of (I, J, K) or back; (K, J, I, 3) of (3, I, J, K)."""
    turned = array.transpose()
    result = np.empty(turned.shape, array.dtype)

    def fill(j: int) -> None:
        # Row by row: what is read and what is written from afar is then small enough for the caches.
        result[:, j : j + _ROWS] = np.ascontiguousarray(array[..., j : j + _ROWS, :]).transpose()

    in_parallel(fill, range(0, turned.shape[1], _ROWS))
    return result
