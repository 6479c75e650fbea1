"""The pair of the demonstration: two scans of one head that was deformed in a known way, with labels and landmarks."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from anatomy import brightness_at, labels_at
from deformation import Truth, make_truth, rotation

from sitreg_engine.geometry import Grid, apply
from sitreg_engine.images import to_sitk

SEED = 20240607
LANDMARKS = 300

# The fixed scan is straight; the moving one has another axis order, tilt, spacing and field of view.
FIXED_GRID = Grid((96, 116, 100), (2.0, 2.0, 2.0), (-95.0, -117.0, -105.0), tuple(map(float, np.eye(3).ravel())))
_TILTED = rotation(0, 9) @ rotation(2, -6) @ np.array([[0.0, 0, -1], [1, 0, 0], [0, -1, 0]])
MOVING_GRID = Grid(
    (112, 104, 92), (2.1, 2.0, 2.1), tuple(map(float, _TILTED @ (-112, -98, -110))), tuple(map(float, _TILTED.ravel()))
)


@dataclass(frozen=True)
class Files:
    """Where the pair lies."""

    fixed: Path
    moving: Path
    fixed_labels: Path
    moving_labels: Path
    fixed_points: Path
    moving_points: Path


def write_pair(folder: Path) -> tuple[Files, Truth]:
    """Make the pair, always the same, in `folder`."""
    truth = make_truth(SEED)
    files = Files(
        *(folder / f"{side}{kind}" for kind in (".nii.gz", "_labels.nii.gz", "_points.csv") for side in _SIDES)
    )
    _write_scan(files.fixed, files.fixed_labels, FIXED_GRID, lambda points: points, 1)
    moving_grid = _around(MOVING_GRID, truth.to_moving(np.zeros(3)))
    _write_scan(files.moving, files.moving_labels, moving_grid, truth.to_fixed, 2)
    landmarks = _landmarks()
    for path, points in ((files.fixed_points, landmarks), (files.moving_points, truth.to_moving(landmarks))):
        np.savetxt(path, points, fmt="%.4f", delimiter=",", header="x,y,z", comments="")
    return files, truth


_SIDES = ("fixed", "moving")


def _around(grid: Grid, point: np.ndarray) -> Grid:
    """The same box, centred 8 mm off `point`."""
    origin = np.array(grid.origin) + point - grid.centre + (5.0, -4.0, 5.0)
    return Grid(grid.shape, grid.spacing, tuple(map(float, origin)), grid.direction)


def _write_scan(image: Path, labels: Path, grid: Grid, to_head: Callable, seed: int) -> None:
    sitk.WriteImage(to_sitk(_scan(grid, to_head, seed), grid), str(image))
    sitk.WriteImage(to_sitk(labels_at(to_head(_centres(grid))), grid), str(labels))


def _scan(grid: Grid, to_head: Callable, seed: int) -> np.ndarray:
    """int16 (I, J, K): each voxel the mean of eight points, times a coil's smooth bias, plus noise."""
    centres = _centres(grid)
    head = to_head(centres).astype(np.float32)
    offsets = np.array(list(np.ndindex(2, 2, 2)), np.float32) - 0.5  # mm; the middles of eight parts of a voxel
    mean = sum(brightness_at(head + offset) for offset in offsets) / 8
    random = np.random.default_rng(seed)
    relative = (centres - grid.centre) / 100.0
    bias = 1 + 0.12 * np.sin(relative @ random.normal(size=3) + random.uniform(0, 6))
    return np.rint(mean * bias * 4 + random.normal(0, 10, grid.shape)).astype(np.int16)


def _centres(grid: Grid) -> np.ndarray:
    """World positions of all voxels, (I, J, K, 3) mm."""
    return apply(grid.voxel_to_world, np.moveaxis(np.indices(grid.shape, dtype=float), 0, -1))


def _landmarks() -> np.ndarray:
    """Points (LANDMARKS, 3) spread at random over the fixed brain, LPS mm."""
    random = np.random.default_rng(SEED)
    candidates = random.uniform((-64, -82, -60), (64, 82, 74), (LANDMARKS * 20, 3))
    return candidates[labels_at(candidates) > 0][:LANDMARKS]
