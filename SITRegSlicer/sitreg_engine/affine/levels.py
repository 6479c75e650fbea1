"""What the search looks at: one image at one resolution, and the points at which it is compared."""

from dataclasses import dataclass, replace

import numpy as np

from sitreg_engine.foreground import shrunk
from sitreg_engine.geometry import apply
from sitreg_engine.images import Volume
from sitreg_engine.lattices import box_around

from .mutual_information import BINS, look_up

_SPARSE = 0.01  # share of a domain's voxels


@dataclass(frozen=True)
class Level:
    """One image, smoothed to one resolution, in the study frame."""

    image: np.ndarray  # (I, J, K) float64, in bins of the joint histogram
    world_to_voxel: np.ndarray  # 4x4
    domain: Volume  # bool: where the image is compared
    points: np.ndarray  # (N, 3), mm, in the domain
    values: np.ndarray  # (N,), of the image at the points, in bins


def make_level(volume: Volume, inside: Volume, spacing: float, count: int, window: tuple[float, float]) -> Level:
    """`volume` at about `spacing` mm with about `count` points in the bool Volume `inside`, both in one space.

    A small image has fewer points, two a voxel. The intensities `window` = (low, high) span the histogram.
    """
    small = shrunk(volume, spacing)
    low, high = window
    image = 2.0 + (BINS - 6) * np.clip((small.array.astype(np.float64) - low) / (high - low), 0.0, 1.0)
    voxels = int(inside.array.sum() * inside.grid.voxel_volume / small.grid.voxel_volume)
    coordinates = spread_points(inside, min(count, max(2 * voxels, 500)))
    points = apply(inside.grid.voxel_to_world, coordinates)
    world_to_voxel = small.grid.world_to_voxel
    return Level(image, world_to_voxel, inside, points, look_up(image, apply(world_to_voxel, points)).values)


def spread_points(inside: Volume, count: int) -> np.ndarray:
    """About `count` voxel coordinates (N, 3), spread evenly and without chance over a bool Volume.

    Roberts' R3 sequence, a three-dimensional golden ratio. Points between the voxels avoid the bias of mutual
    information towards maps that put grid on grid.
    """
    # Where nearly nothing is true nearly all points would be drawn in vain: billions, for a mask of a few voxels.
    sparse = inside.array.mean() < _SPARSE
    box = box_around(inside.array, 0) if sparse else tuple(slice(0, n) for n in inside.grid.shape)
    part, first = inside.array[box], [side.start for side in box]
    if part.mean() < _SPARSE:  # small things far apart
        return _in_voxels(np.argwhere(part), count) + first
    coordinates = _golden(int(np.ceil(count / part.mean())), 3) * np.array(part.shape) - 0.5
    nearest = np.clip(np.rint(coordinates).astype(int), 0, np.array(part.shape) - 1)
    return coordinates[part[tuple(nearest.T)]] + first


def _in_voxels(voxels: np.ndarray, count: int) -> np.ndarray:
    """`count` coordinates in `voxels` (N, 3), as evenly over their number and within each as may be."""
    shares = _golden(count, 4)
    return voxels[(shares[:, 0] * len(voxels)).astype(int)] + shares[:, 1:] - 0.5


def _golden(count: int, axes: int) -> np.ndarray:
    """Roberts' sequence in a unit cube, (count, axes)."""
    golden = {3: 1.2207440846057596, 4: 1.1673039782614187}[axes]  # the real root of x^(axes + 1) = x + 1
    return np.mod(0.5 + np.arange(1, count + 1)[:, None] / golden ** np.arange(1, axes + 1), 1.0)


def meeting(level: Level, other: Level, matrix: np.ndarray) -> Level:
    """`level` with only those points that `matrix` (4x4, mm) takes into the domain of the other image.

    Mutual information of a domain that one image fills and the other does not grows with the size of the latter.
    A level that would lose nearly all its points keeps them.
    """
    places = np.rint(apply(other.domain.grid.world_to_voxel @ matrix, level.points)).astype(int)
    there = ((places >= 0) & (places < other.domain.array.shape)).all(axis=1)
    kept = there & other.domain.array[tuple(np.where(there[:, None], places, 0).T)]
    if kept.sum() < len(kept) / 20:
        return level
    return replace(level, points=level.points[kept], values=level.values[kept])


def histogram_window(volume: Volume) -> tuple[float, float]:
    """The intensities (low, high) that the histogram spans: all but the darkest and brightest 0.5 %."""
    low, high = np.percentile(volume.array, [0.5, 99.5])
    if high <= low:
        low, high = volume.array.min(), volume.array.max()
    return float(low), float(high if high > low else low + 1)
