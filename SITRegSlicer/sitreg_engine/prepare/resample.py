"""One image from its own voxels to the working grid, once."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from sitreg_engine.geometry import Grid
from sitreg_engine.images import Volume
from sitreg_engine.lattices import in_slabs, lattice
from sitreg_engine.mappings import sample


def resample(array: np.ndarray, grid: Grid, working: Grid, to_image: np.ndarray) -> Tensor:
    """Values (1, 1, I, J, K) float32 of `array` (I, J, K on `grid`) on the working grid: trilinear, edges held.

    `to_image` (4x4) maps the working grid's mm to the image's LPS mm. An image finer than the working grid is
    smoothed first, so that it does not alias.
    """
    source = torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32))[None, None]
    source = _smoothed(source, grid, working.spacing[0])
    matrix, found = voxel_map(grid, working, to_image), source.new_empty(1, 1, *working.shape)

    def fill(rows: slice) -> None:
        found[:, :, rows] = sample(source, lattice(matrix, working.shape, rows)[None])

    in_slabs(fill, working.shape)
    return found


def field_of_view(grid: Grid, working: Grid, to_image: np.ndarray) -> Tensor:
    """(1, 1, I, J, K) float32: 1 where the working grid's point lies in a voxel of `grid`, else 0."""
    matrix = voxel_map(grid, working, to_image)
    inside = torch.ones(working.shape, dtype=torch.bool)
    axes = [torch.arange(n, dtype=torch.float64) for n in working.shape]
    for row, size in zip(matrix[:3], grid.shape, strict=True):
        place = (row[0] * axes[0] + row[3])[:, None, None] + (row[1] * axes[1])[:, None] + row[2] * axes[2]
        # A hair of tolerance: rounding must not decide about a point on the very edge.
        inside &= (place > -0.5 - 1e-6) & (place < size - 0.5 + 1e-6)
    return inside.float()[None, None]


def mask_on_grid(mask: Volume, working: Grid, to_image: np.ndarray) -> Tensor:
    """(1, 1, I, J, K) float32: 1 inside a mask (non-zero voxels), 0 outside, between the two at its edge."""
    values = resample((mask.array != 0).astype(np.float32), mask.grid, working, to_image)
    return values.clamp(0.0, 1.0) * field_of_view(mask.grid, working, to_image)


def voxel_map(grid: Grid, working: Grid, to_image: np.ndarray) -> np.ndarray:
    """4x4, voxel of the working grid -> voxel of the image."""
    return grid.world_to_voxel @ to_image @ working.voxel_to_world


def _smoothed(source: Tensor, grid: Grid, spacing: float) -> Tensor:
    """Gaussian that widens the image's voxels to the working spacing (FWHMs add in squares)."""
    for axis, own in enumerate(grid.spacing):
        if spacing > 1.1 * own:
            sigma = 0.4247 * float(np.sqrt(spacing**2 - own**2)) / own
            source = _gaussian(source, sigma, axis)
    return source


def _gaussian(source: Tensor, sigma: float, axis: int) -> Tensor:
    """Smoothed along spatial axis 0, 1 or 2 (sigma in voxels), edges held: a sum of shifted images, as conv3d
    would take ten times the memory of the image."""
    radius = max(int(np.ceil(3 * sigma)), 1)
    weights = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    padding = [0] * 6
    padding[2 * (2 - axis)] = padding[2 * (2 - axis) + 1] = radius
    padded = F.pad(source, padding, mode="replicate")
    total = torch.zeros_like(source)
    for shift, weight in enumerate(weights / weights.sum()):
        total.add_(padded.narrow(2 + axis, shift, source.shape[2 + axis]), alpha=float(weight))
    return total
