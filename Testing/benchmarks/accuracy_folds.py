"""Folds of a saved displacement field, in world space and double precision, apart from the engine's own code.

Each of the eight cells that meet at a voxel is spanned by its neighbour ahead or behind along each axis. A cell is
folded there when the mapped edges no longer span a box of the orientation that the edges themselves span.
"""

import itertools

import numpy as np
import SimpleITK as sitk

_ROWS = 8  # slices at once


def folded_voxels(field: sitk.Image) -> np.ndarray:
    """Which voxels of a vector image (mm, LPS) fold in any of the eight cells, bool (K, J, I); NaN folds."""
    size = field.GetSize()[2]
    parts = [_folded_slices(field, start, min(start + _ROWS, size)) for start in range(0, size, _ROWS)]
    return np.concatenate(parts)


def _folded_slices(field: sitk.Image, start: int, stop: int) -> np.ndarray:
    low, high = max(start - 1, 0), min(stop + 1, field.GetSize()[2])
    mapped = _mapped_positions(field, low, high)
    keep = slice(start - low, stop - low)
    edges = [[side[keep] for side in _edges(mapped, axis)] for axis in (2, 1, 0)]  # i, j, k: each ahead and behind
    orientation = np.sign(np.linalg.det(np.array(field.GetDirection()).reshape(3, 3)))
    good = np.ones(edges[0][0].shape[:3], dtype=bool)
    for i, j, k in itertools.product(*edges):
        good &= orientation * np.sum(np.cross(i, j) * k, axis=-1) > 0
    return ~good


def _mapped_positions(field: sitk.Image, low: int, high: int) -> np.ndarray:
    """x + u(x) of some slices, (slices, J, I, 3) mm, without the origin."""
    size = field.GetSize()
    vectors = sitk.GetArrayViewFromImage(field)[low:high].astype(np.float64)
    k, j, i = np.meshgrid(np.arange(low, high), np.arange(size[1]), np.arange(size[0]), indexing="ij")
    matrix = np.array(field.GetDirection()).reshape(3, 3) * np.array(field.GetSpacing())
    return np.stack([i, j, k], axis=-1) @ matrix.T + vectors


def _edges(mapped: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """Mapped edge towards the neighbour ahead and from the one behind; at an end the one there is."""
    steps = np.diff(mapped, axis=axis)
    first, last = np.take(steps, [0], axis=axis), np.take(steps, [-1], axis=axis)
    return np.concatenate([steps, last], axis=axis), np.concatenate([first, steps], axis=axis)
