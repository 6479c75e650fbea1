"""How far it is from the voxels of one set to the nearest of another, exactly.

Surfaces that belong together are mostly close to each other. So the distances along one axis are found for all voxels,
and around each voxel of the first set these columns are looked through, from near to far. Only where the sets
lie far apart a distance map of their whole box costs less.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import SimpleITK as sitk

from sitreg_engine.lattices import slabs

_RADIUS = 20  # voxels
_FIRST = 6  # columns looked at at once; then twice as many, and so on
_LOOKS = 8  # into an array, that take as long as one voxel of a distance map
_POINTS = 2**14  # looked after at a time
_FAR = np.float32(np.inf)

Spacing = tuple[float, float, float]  # mm


def distances_to_nearest(start: np.ndarray, goal: np.ndarray, spacing: Spacing) -> np.ndarray:
    """Distance from each true voxel of `start` to the nearest one of `goal`, mm, float32 (N,) in C order.

    Both are bool (I, J, K) on one grid. `goal` is not empty, and none of its voxels has all six neighbours in it.
    """
    points = np.argwhere(start)
    if not len(points):
        return np.empty(0, np.float32)
    columns = _columns_of(goal, spacing)
    most = _LOOKS * goal.size * _POINTS // len(points)
    parts = [columns.look(points[n : n + _POINTS], most) for n in range(0, len(points), _POINTS)]
    result = np.concatenate(parts)
    left = np.isinf(result)
    if left.any():
        result[left] = _distance_map(goal, spacing)[start][left]
    return result


@dataclass(frozen=True)
class _Columns:
    """The squared distances along k of a box, and the way from one column to those around it, nearest first."""

    flat: np.ndarray  # mm^2; _FAR in columns that hold nothing
    strides: np.ndarray  # (3,) of an index into `flat`
    first: int  # index of the box's voxel (0, 0, 0)
    steps: np.ndarray  # (N,) to be added to an index
    squares: np.ndarray  # (N,) mm^2, squared distances of these columns, ascending

    def look(self, points: np.ndarray, most: int) -> np.ndarray:
        """Distances in mm from voxels (N, 3); infinite where none was found within _RADIUS, or with `most` looks."""
        places = points @ self.strides + self.first
        result, left = np.full(len(points), _FAR), np.arange(len(points))
        looked, size = 0, _FIRST
        while left.size and looked < len(self.steps) and left.size * size <= most:
            chunk = slice(looked, looked + size)
            found = np.take(self.flat, np.add.outer(self.steps[chunk], places))
            best = np.minimum(result[left], np.add(found, self.squares[chunk, None], out=found).min(axis=0))
            result[left] = best
            looked, size = looked + size, size * 2
            further = best > self.squares[min(looked, len(self.squares) - 1)]
            left, places = left[further], places[further]
        result[left] = _FAR
        return np.sqrt(result)


def _columns_of(goal: np.ndarray, spacing: Spacing) -> _Columns:
    offsets, squares = _near_columns(spacing)
    margin = np.abs(offsets).max(axis=0)  # every column has its neighbours, if need be with nothing in them
    columns = np.full((*(goal.shape[:2] + 2 * margin), goal.shape[2]), _FAR)
    inner = columns[margin[0] : margin[0] + goal.shape[0], margin[1] : margin[1] + goal.shape[1]]
    for rows in slabs(goal.shape):
        inner[rows] = _along_columns(goal[rows], spacing[2])
    strides = np.array([columns.shape[1] * columns.shape[2], columns.shape[2], 1])
    return _Columns(columns.ravel(), strides, int(margin @ strides[:2]), offsets @ strides[:2], squares)


@lru_cache(maxsize=4)
def _near_columns(spacing: Spacing) -> tuple[np.ndarray, np.ndarray]:
    """The columns (along k) around one, nearest first: offsets (N, 2) in voxels and squared distances (N,) in mm^2."""
    radius = _RADIUS * np.sqrt(spacing[0] * spacing[1])
    reach = [int(radius / s) for s in spacing[:2]]
    offsets = np.indices([2 * n + 1 for n in reach]).reshape(2, -1).T - reach
    squares = np.square(offsets * spacing[:2]).sum(axis=1).astype(np.float32)
    order = np.argsort(squares, kind="stable")
    order = order[squares[order] <= radius**2]
    return offsets[order], squares[order]


def _along_columns(goal: np.ndarray, spacing: float) -> np.ndarray:
    """Squared distance of every voxel to the nearest true one along k alone, mm^2 float32; _FAR where there is none."""
    index, never = np.arange(goal.shape[2], dtype=np.int32), np.int32(2**30)
    last = np.maximum.accumulate(np.where(goal, index, -never), axis=2)
    following = np.minimum.accumulate(np.where(goal, index, never)[..., ::-1], axis=2)[..., ::-1]
    steps = np.minimum(index - last, following - index)
    return np.where(steps < len(index), np.square(steps * np.float32(spacing)), _FAR)


def _distance_map(goal: np.ndarray, spacing: Spacing) -> np.ndarray:
    """Distance of every voxel to the nearest true one, mm float32 (I, J, K)."""
    # The map is to the border of the set: to all of it as long as no voxel has six neighbours in it, so its sign is
    # dropped. At the edge of an image ITK takes no voxel for border, hence the padding.
    # SimpleITK reads this array as (k, j, i); a distance does not care as long as the spacing is turned with it.
    image = sitk.GetImageFromArray(np.pad(goal, 1).view(np.uint8))
    image.SetSpacing(spacing[::-1])
    maurer = sitk.SignedMaurerDistanceMapImageFilter()
    maurer.SetNumberOfThreads(1)  # several sets are worked at at the same time
    maurer.SetSquaredDistance(False)
    maurer.SetUseImageSpacing(True)
    distances = maurer.Execute(image)  # kept: a view does not keep its image
    return np.abs(sitk.GetArrayViewFromImage(distances)[1:-1, 1:-1, 1:-1])
