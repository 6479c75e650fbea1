"""Distances between the surfaces of two binary shapes, in mm, exact.

The surface of a shape is its voxels that have one of their six neighbours outside it (what lies beyond the
image counts as outside). Distances run between centres of surface voxels.
"""

from dataclasses import dataclass

import numpy as np

from sitreg_engine.errors import InputError

from .nearest import Spacing, distances_to_nearest


@dataclass(frozen=True)
class SurfaceDistances:
    """From every surface voxel of one shape to the nearest of the other, mm."""

    first_to_second: np.ndarray  # (N,)
    second_to_first: np.ndarray  # (M,)

    @property
    def hd95(self) -> float:
        """Robust Hausdorff distance: the larger of the two directions' 95th percentiles."""
        return float(max(np.percentile(self.first_to_second, 95), np.percentile(self.second_to_first, 95)))

    @property
    def mean(self) -> float:
        """Average symmetric surface distance: the mean over the surface voxels of both."""
        return float(np.concatenate([self.first_to_second, self.second_to_first]).mean(dtype=np.float64))


def surface_distances(first: np.ndarray, second: np.ndarray, spacing: Spacing) -> SurfaceDistances:
    """Surface distances of two binary arrays (I, J, K) on one grid. Raises InputError when one of them is empty."""
    if first.shape != second.shape:
        raise InputError(f"Surfaces are compared on one grid, but the shapes are {first.shape} and {second.shape}.")
    if not first.any() or not second.any():
        raise InputError("A surface distance needs two shapes with at least one voxel each; one of these is empty.")
    a, b = surface(first != 0), surface(second != 0)
    return SurfaceDistances(distances_to_nearest(a, b, spacing), distances_to_nearest(b, a, spacing))


def surface(shape: np.ndarray) -> np.ndarray:
    """The surface voxels of a binary array, bool."""
    padded = np.pad(shape, 1)
    core = (slice(1, -1),) * 3
    interior = shape.copy()
    for axis in range(3):
        for shift in (slice(0, -2), slice(2, None)):
            interior &= padded[(*core[:axis], shift, *core[axis + 1 :])]
    return shape & ~interior
