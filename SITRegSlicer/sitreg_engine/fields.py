"""The engine's result: a map of world points, sampled as displacements in mm on a box."""

from dataclasses import dataclass

import numpy as np
import torch

from .geometry import Grid, apply
from .mappings import sample


def step_of(own: float, spacing: float) -> float:
    """Between the samples of a field along an axis of its image, in voxels of the image, of `own` mm each.

    The image's voxels, a whole multiple, or what divides one or two of them: 1, 2, 3, ... or 2/3, 2/4, 2/5, ...,
    whatever is nearest to `spacing` mm.
    """
    return float(max(round(spacing / own), 1)) if spacing >= own else 2.0 / max(round(2 * own / spacing), 2)


@dataclass(frozen=True)
class DisplacementField:
    """x -> x + u(x) in LPS mm; what ITK calls a displacement field transform."""

    vectors: np.ndarray  # (3, I, J, K) float32, mm, LPS components
    grid: Grid  # where they are sampled

    def map_points(self, points: np.ndarray) -> np.ndarray:
        """World points (N, 3) in mm through the map, trilinear; beyond the box the edge's displacement holds."""
        voxels = apply(self.grid.world_to_voxel, points)
        coordinates = torch.from_numpy(voxels.T.reshape(1, 3, -1, 1, 1))
        vectors = torch.from_numpy(self.vectors)[None]
        moved = sample(vectors, coordinates.to(vectors.dtype))
        return points + moved[0, :, :, 0, 0].T.numpy()
