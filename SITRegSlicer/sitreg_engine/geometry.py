"""Where voxels lie in the world: sampled boxes (`Grid`) and homogeneous 4x4 matrices.

World = LPS, millimetres. Arrays and tensors of the engine have their axes in ITK's INDEX order (i, j, k):
element [i, j, k] of an array lies at `grid.voxel_to_world @ (i, j, k, 1)`. (SimpleITK's numpy arrays are
(k, j, i); `images.py` is the one place that turns them.) Channel c of a voxel displacement is along axis c.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Grid:
    """A box of voxels in the world."""

    shape: tuple[int, int, int]  # voxels along i, j, k
    spacing: tuple[float, float, float]  # mm
    origin: tuple[float, float, float]  # world position of the centre of voxel (0, 0, 0), mm
    direction: tuple[float, ...]  # 9 numbers, row major: columns are the world directions of i, j, k

    @property
    def voxel_to_world(self) -> np.ndarray:
        """4x4, voxel index -> mm."""
        matrix = np.eye(4)
        matrix[:3, :3] = np.array(self.direction).reshape(3, 3) * np.array(self.spacing)
        matrix[:3, 3] = self.origin
        return matrix

    @property
    def world_to_voxel(self) -> np.ndarray:
        """4x4, mm -> voxel index."""
        return np.linalg.inv(self.voxel_to_world)

    @property
    def centre(self) -> np.ndarray:
        """World position of the middle of the box, mm, shape (3,)."""
        return apply(self.voxel_to_world, (np.array(self.shape) - 1) / 2)

    @property
    def voxel_volume(self) -> float:
        """mm^3 of one voxel."""
        return float(np.prod(self.spacing))

    def corners(self) -> np.ndarray:
        """World positions of the 8 outer corners (voxel edges, half a voxel out), mm, shape (8, 3)."""
        ends = np.array(np.meshgrid(*[(-0.5, n - 0.5) for n in self.shape], indexing="ij"))
        return apply(self.voxel_to_world, ends.reshape(3, -1).T)

    def transformed(self, rigid: np.ndarray) -> "Grid":
        """The same voxels after the world was moved by a 4x4 rigid matrix."""
        direction = rigid[:3, :3] @ np.array(self.direction).reshape(3, 3)
        origin = apply(rigid, np.array(self.origin))
        return Grid(self.shape, self.spacing, tuple(map(float, origin)), tuple(map(float, direction.ravel())))


def apply(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Points (..., 3) through a 4x4 matrix."""
    return np.asarray(points) @ matrix[:3, :3].T + matrix[:3, 3]
