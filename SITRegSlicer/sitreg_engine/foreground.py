"""Small versions of images, and where in them there is something to see."""

from collections.abc import Callable

import numpy as np
import SimpleITK as sitk

from .geometry import Grid, apply
from .images import Volume, from_sitk, to_sitk
from .lattices import cut_out

AIR, BELOW_AIR = -1000, -1100  # Hounsfield units
BLOCK = 16  # coarse voxels computed together
_SPACING = 4.0  # mm, that foregrounds are looked for at,
_ACROSS, _MOST_ALONG = 8, 128  # or finer: so many voxels across them, but at most so many along the image
_LARGEST = (2**15 - 1, 2**16 - 1, 2**31 - 1, 2**32 - 1, float(np.finfo(np.float32).max))  # of the pixel types
_FAR = 3.0  # times the range of all other values: not measured


def shrunk(volume: Volume, spacing: float) -> Volume:
    """The image on a coarser grid about the same centre, smoothed against aliasing; float32.

    `spacing` in mm; an axis that is already about as coarse is left alone. One matrix of Gaussian weights per axis
    smooths and samples in one step, and is symmetric under flips.
    """
    array, grid = np.ascontiguousarray(volume.array, dtype=np.float32), volume.grid
    shape, spacings = list(grid.shape), list(grid.spacing)
    for axis in (2, 1, 0):
        if spacing < 1.25 * spacings[axis] or shape[axis] == 1:
            continue
        weights = _shrink_matrix(shape[axis], spacings[axis], spacing)
        array = _along_axis(weights, array, axis)
        shape[axis], spacings[axis] = weights.shape[0], spacing
    offset = (np.array(grid.shape) - 1) / 2 - (np.array(shape) - 1) / 2 * np.array(spacings) / np.array(grid.spacing)
    origin = tuple(map(float, apply(grid.voxel_to_world, offset)))
    return Volume(array, Grid(tuple(shape), tuple(map(float, spacings)), origin, grid.direction))


def _shrink_matrix(count: int, old: float, new: float) -> np.ndarray:
    """(coarse, fine) Gaussian weights, rows sum to one; spacings in mm.

    Width after Cardoso et al. 2015, "Scale factor point spread function matching": FWHMs add in squares.
    """
    sigma = max(0.4247 * np.sqrt(new**2 - old**2), 0.5 * old)
    coarse = max(int(count * old / new + 1e-6), 1)
    targets = (np.arange(coarse) - (coarse - 1) / 2) * new
    sources = (np.arange(count) - (count - 1) / 2) * old
    distances = np.abs(targets[:, None] - sources[None]) / sigma
    weights = np.exp(-0.5 * distances**2) * (distances < 4)
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


def _along_axis(weights: np.ndarray, array: np.ndarray, axis: int) -> np.ndarray:
    """Weighted sums along one axis, in blocks of neighbours: each looks only at the voxels that it depends on."""
    blocks = []
    for first in range(0, len(weights), BLOCK):
        rows = weights[first : first + BLOCK]
        used = np.flatnonzero(rows.any(axis=0))
        near = slice(used[0], used[-1] + 1)
        blocks.append(_weighted(rows[:, near], array[(slice(None),) * axis + (near,)], axis))
    return np.concatenate(blocks, axis=axis)


def _weighted(weights: np.ndarray, array: np.ndarray, axis: int) -> np.ndarray:
    if axis == 2:
        return array @ weights.T
    if axis == 1:
        return np.matmul(weights, array)
    return np.tensordot(weights, array, axes=(1, 0))


def foreground(volume: Volume) -> Volume:
    """Where the image shows something: a bool Volume on a grid of about 4 mm, finer for small things, holes filled.

    Generous on purpose, anatomy is never cut: an image with a constant background (skull-stripped, masked) gives
    all that differs from it; otherwise all that is brighter than halfway from the background to Otsu's threshold;
    and an image filled to its border (a crop) gives its whole field of view.
    """
    return _fine_enough(lambda spacing: _foreground(volume, spacing), volume.grid)


def _fine_enough(at: Callable[[float], Volume], grid: Grid) -> Volume:
    """What `at` finds at 4 mm, or finer where it is so small that a few such voxels would be all of it."""
    found = at(_SPACING)
    finer = max(size_of(found) / _ACROSS, max(np.multiply(grid.shape, grid.spacing)) / _MOST_ALONG)
    return found if finer >= _SPACING else at(float(finer))


def _foreground(volume: Volume, spacing: float) -> Volume:
    background = constant_background(volume.array)
    few = _thinned(volume, spacing / 2)
    if background is not None:
        small = shrunk(Volume((few.array != background).astype(np.float32), few.grid), spacing)
        inside = small.array > 0.1
    else:
        small = shrunk(few, spacing)
        inside = small.array > _threshold(small.array)
    if not inside.any() or _border(inside).mean() > 0.5:
        return Volume(np.ones_like(inside), small.grid)
    return Volume(_solid(inside, small.grid), small.grid)


def mask_foreground(mask: Volume) -> Volume:
    """The same from a mask (non-zero = inside) that a person has given."""
    given = Volume((mask.array != 0).astype(np.float32), mask.grid)

    def at(spacing: float) -> Volume:
        small = shrunk(given, spacing)
        return Volume(small.array > min(0.1, small.array.max() / 2), small.grid)

    return _fine_enough(at, mask.grid)


def _thinned(volume: Volume, spacing: float) -> Volume:
    """Every n-th voxel, about `spacing` mm apart: enough to tell where something is, and fast."""
    steps = [max(int(spacing / own), 1) for own in volume.grid.spacing]
    firsts = [(count - 1) % step // 2 for count, step in zip(volume.grid.shape, steps, strict=True)]
    box = tuple(slice(first, None, step) for first, step in zip(firsts, steps, strict=True))
    return Volume(volume.array[box], cut_out(volume.grid, box))


def without_padding(volume: Volume) -> Volume:
    """The image without the values that are written where a scanner did not look; other images are left alone.

    They are one constant with nothing near it: far below air, in CT (-2048, -3024) and elsewhere (-9999, -32768), or
    the largest number of a pixel type. They are brought to the nearest value that was measured, the low ones of a CT
    to -1000 HU.
    """
    array, few = volume.array, _thinned(volume, _SPACING).array
    lowest, highest, low, high = array.min(), array.max(), None, None
    if _is_low_padding(few, lowest):
        low = max(AIR, array[array > lowest].min())
    if _is_high_padding(few, highest):
        high = array[array < highest].max()
    return volume if low is None and high is None else Volume(array.clip(low, high), volume.grid)


def _is_low_padding(few: np.ndarray, lowest: float) -> bool:
    others = few[few > lowest]
    if lowest >= BELOW_AIR or not others.size or (others < BELOW_AIR).sum() > 1e-3 * few.size:
        return False
    return bool(others.max() > others.min())  # a mask has two values, and both count


def _is_high_padding(few: np.ndarray, highest: float) -> bool:
    others = few[few < highest]
    if highest not in _LARGEST or not others.size:
        return False
    low, high = np.percentile(others, [0.5, 99.5])
    return bool(float(highest) - float(others.max()) > _FAR * (high - low) > 0)


def _border(array: np.ndarray) -> np.ndarray:
    """All voxels on the six faces, flat."""
    faces = [np.take(array, end, axis=axis).ravel() for axis in range(3) for end in (0, -1)]
    return np.concatenate(faces)


def constant_background(array: np.ndarray) -> float | None:
    """The one value that fills nearly all of the border, or None."""
    values, counts = np.unique(_border(array), return_counts=True)
    return values[counts.argmax()] if counts.max() > 0.9 * counts.sum() else None


def _threshold(array: np.ndarray) -> float:
    """Halfway from the darkest to Otsu's threshold, both of the values between the 1st and 99th percentile."""
    low, high = np.percentile(array, [1, 99])
    values = np.clip(array, low, high).astype(np.float32)
    otsu = sitk.OtsuThresholdImageFilter()
    otsu.Execute(sitk.GetImageFromArray(values))
    below = values <= otsu.GetThreshold()
    if below.all() or not below.any():
        return (low + otsu.GetThreshold()) / 2
    # Where nothing lies between air and tissue all thresholds between them are as good, and Otsu's is the lowest.
    return (low + (values[below].max() + values[~below].min()) / 2) / 2


def _solid(inside: np.ndarray, grid: Grid) -> np.ndarray:
    """Specks removed (parts below 2 % of the largest), holes filled."""
    parts = sitk.RelabelComponent(sitk.ConnectedComponent(to_sitk(inside.astype(np.uint8), grid), True))
    sizes = np.bincount(from_sitk(parts).array.ravel())[1:]
    kept = sitk.BinaryThreshold(parts, 1, int((sizes >= 0.02 * sizes.max()).sum()))
    return from_sitk(sitk.BinaryFillhole(kept)).array.astype(bool)


def grown(inside: Volume, margin: float) -> Volume:
    """A bool Volume grown by about `margin` mm; shrunk for a negative one, but not from the edge of the image."""
    radius = [max(round(abs(margin) / spacing), 0) for spacing in inside.grid.spacing]
    change = sitk.BinaryDilate if margin > 0 else sitk.BinaryErode
    changed = change(to_sitk(inside.array.astype(np.uint8), inside.grid), radius)
    return Volume(from_sitk(changed).array.astype(bool), inside.grid)


def size_of(inside: Volume) -> float:
    """Side of the cube that is as large as the foreground, mm: about 170 for a head, 110 for a brain."""
    return float((inside.array.sum() * inside.grid.voxel_volume) ** (1 / 3))
