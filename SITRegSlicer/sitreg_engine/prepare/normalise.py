"""Intensities on a common footing, each image by itself: its partner has no say."""

from collections.abc import Callable

import numpy as np

from sitreg_engine.geometry import Grid, apply
from sitreg_engine.images import Volume

# (image in its original intensities, foreground as a bool Volume) -> float32 array (I, J, K), background near 0.
Normalise = Callable[[Volume, Volume], np.ndarray]

# Beyond 0 and 1 values are not cut off, they approach -SHOULDER and 1 + SHOULDER: vessels stay brighter than tissue.
SHOULDER = 0.1
AIR = 0.08  # normalised intensities below it are background
_SAMPLES = 2_000_000


def robust_range(volume: Volume, inside: Volume) -> np.ndarray:
    """Background to 0, the brightest tissue to 1 (99.5th percentile of the foreground), soft beyond both.

    The low end is the 1st percentile of the whole image: background where there is some, else the darkest tissue.
    """
    array = np.array(volume.array, dtype=np.float32)
    low = float(np.percentile(array[_thinning(array, volume.grid)], 1))
    high = float(np.percentile(_foreground_values(array, volume.grid, inside), 99.5))
    if high <= low:
        low, high = float(array.min()), float(array.max())
    array -= low
    array /= max(high - low, float(np.finfo(np.float32).tiny))
    return soft_clip(array)


def _thinning(array: np.ndarray, grid: Grid) -> tuple[slice, ...]:
    """Steps along the axes, about equal in mm, that leave about two million values at most."""
    apart = (array.size * grid.voxel_volume / _SAMPLES) ** (1 / 3)  # mm
    return tuple(slice(None, None, max(round(apart / own), 1)) for own in grid.spacing)


def _foreground_values(array: np.ndarray, grid: Grid, inside: Volume) -> np.ndarray:
    """About two million values at most of the array where `inside` (on its own, coarser grid of the image) is true."""
    stride = _thinning(array, grid)
    coarse = array[stride]
    index = np.stack(np.meshgrid(*[np.arange(n)[s] for n, s in zip(array.shape, stride, strict=True)], indexing="ij"))
    to_inside = inside.grid.world_to_voxel @ grid.voxel_to_world
    places = np.tensordot(to_inside[:3, :3], index, axes=1) + to_inside[:3, 3, None, None, None]
    sizes = np.array(inside.grid.shape)[:, None, None, None]
    nearest = np.clip(np.rint(places).astype(np.int32), 0, sizes - 1)
    found = coarse[inside.array[tuple(nearest)]]
    return found if found.size else _at(array, grid, inside)


def _at(array: np.ndarray, grid: Grid, inside: Volume) -> np.ndarray:
    """The values nearest to the middle of each voxel that is true: of a slice between those that were looked at."""
    places = apply(grid.world_to_voxel @ inside.grid.voxel_to_world, np.argwhere(inside.array))
    index = np.clip(np.rint(places).astype(int), 0, np.array(array.shape) - 1)
    return array[tuple(index.T)]


def soft_clip(array: np.ndarray) -> np.ndarray:
    """Changed in place: the same between 0 and 1, smoothly flattened beyond, within -0.1 .. 1.1."""
    for limit, beyond in ((0.0, array < 0), (1.0, array > 1)):
        array[beyond] = limit + SHOULDER * np.tanh((array[beyond] - limit) / SHOULDER)
    return array
