"""Folds and volume changes of a saved displacement field, in world space and double precision, apart from the engine.

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


def determinants(field: sitk.Image) -> np.ndarray:
    """Jacobian determinants of x + u(x), (K, J, I): central differences, one-sided ones at the ends."""
    size = field.GetSize()[2]
    parts = [_determinants_of(field, start, min(start + _ROWS, size)) for start in range(0, size, _ROWS)]
    return np.concatenate(parts)


def _determinants_of(field: sitk.Image, start: int, stop: int) -> np.ndarray:
    low, high = max(start - 1, 0), min(stop + 1, field.GetSize()[2])
    mapped = _mapped_positions(field, low, high)
    edges = [(ahead + behind) / 2 for ahead, behind in (_edges(mapped, axis) for axis in (3, 2, 1))]
    volume = np.linalg.det(_matrix(field))
    return (_triple_product(*edges) / volume)[start - low : stop - low]


def _folded_slices(field: sitk.Image, start: int, stop: int) -> np.ndarray:
    low, high = max(start - 1, 0), min(stop + 1, field.GetSize()[2])
    mapped = _mapped_positions(field, low, high)
    edges = [_edges(mapped, axis) for axis in (3, 2, 1)]  # i, j, k: each ahead and behind
    orientation = np.sign(np.linalg.det(np.array(field.GetDirection()).reshape(3, 3)))
    good = np.ones(mapped.shape[1:], dtype=bool)
    for i, j, k in itertools.product(*edges):
        good &= orientation * _triple_product(i, j, k) > 0
    return ~good[start - low : stop - low]


def _triple_product(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    """(a x b) . c of vectors (3, ...)."""
    x = a[1] * b[2] - a[2] * b[1]
    y = a[2] * b[0] - a[0] * b[2]
    z = a[0] * b[1] - a[1] * b[0]
    return x * c[0] + y * c[1] + z * c[2]


def _mapped_positions(field: sitk.Image, low: int, high: int) -> np.ndarray:
    """x + u(x) of some slices, (3, slices, J, I) mm, without the origin."""
    size = field.GetSize()
    vectors = sitk.GetArrayViewFromImage(field)[low:high].astype(np.float64)
    k, j, i = np.meshgrid(np.arange(low, high), np.arange(size[1]), np.arange(size[0]), indexing="ij")
    rows = enumerate(_matrix(field))
    return np.stack([row[0] * i + row[1] * j + row[2] * k + vectors[..., c] for c, row in rows])


def _matrix(field: sitk.Image) -> np.ndarray:
    return np.array(field.GetDirection()).reshape(3, 3) * np.array(field.GetSpacing())


def _edges(mapped: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """Mapped edge towards the neighbour ahead and from the one behind; at an end the one there is."""
    steps = np.diff(mapped, axis=axis)
    first, last = np.take(steps, [0], axis=axis), np.take(steps, [-1], axis=axis)
    return np.concatenate([steps, last], axis=axis), np.concatenate([first, steps], axis=axis)
