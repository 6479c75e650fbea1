"""The affine stage of the networks for raw data: from the coarsest features to two opposite half-way affine maps."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sitreg_engine.errors import InputError
from sitreg_engine.mappings import identity, sample
from sitreg_engine.models.halfway import HalfWay

from .config import SITRegConfig


@dataclass(frozen=True)
class HalfAffines:
    """Opposite affine maps around the half-way space, voxel to voxel, (N, 4, 4), each the other's inverse."""

    left: Tensor  # half-way space -> image 1
    right: Tensor  # half-way space -> image 2


class AffineHead(nn.Module):
    def __init__(self, config: SITRegConfig):
        super().__init__()
        size = 2 * config.features[-1]
        self.hidden_1 = nn.Linear(size, size)
        self.hidden_2 = nn.Linear(size, size)
        self.final = nn.Linear(size, 12)
        self.config = config

    def forward(self, coarsest_1: Tensor, coarsest_2: Tensor, shape: tuple[int, int, int]) -> HalfAffines:
        """Features (N, F, 1, 1, 1) of two images of `shape` -> the two half-way maps.

        Raises InputError when the pyramid does not end at one voxel.
        """
        if coarsest_1.shape[2:].numel() != 1:
            raise InputError(
                f"This network's affine stage wants images of at most {2 ** (len(self.config.features) - 1)} voxels "
                f"along each axis, got {shape}; use a coarser working spacing."
            )
        a, b = coarsest_1.flatten(1), coarsest_2.flatten(1)
        forward = self._matrix(torch.cat([a - b, a + b], dim=1))
        reverse = self._matrix(torch.cat([b - a, a + b], dim=1))
        to_centred = centring(shape, self.config.voxel_size, forward)
        to_voxel = torch.linalg.inv(to_centred)
        return HalfAffines(
            left=to_voxel @ forward @ torch.linalg.inv(reverse) @ to_centred,
            right=to_voxel @ reverse @ torch.linalg.inv(forward) @ to_centred,
        )

    def _matrix(self, x: Tensor) -> Tensor:
        hidden = torch.relu(self.hidden_1(x))
        # The code released in 2024 feeds the input to both layers, so that the first one has no effect; networks
        # trained with it need it that way.
        hidden = torch.relu(self.hidden_2(hidden if self.config.affine_chained else x))
        return affine_matrix(self.final(hidden))


def affine_matrix(parameters: Tensor) -> Tensor:
    """(N, 12) -> (N, 4, 4): expm(symmetric) expm(antisymmetric), applied after the translation."""
    stretch = torch.diag_embed(parameters[:, :3])
    rotation = torch.zeros_like(stretch)
    for index, (row, column) in enumerate(((0, 1), (0, 2), (1, 2))):
        stretch[:, row, column] = stretch[:, column, row] = parameters[:, 3 + index]
        rotation[:, row, column] = parameters[:, 6 + index]
        rotation[:, column, row] = -parameters[:, 6 + index]
    linear = torch.matrix_exp(stretch) @ torch.matrix_exp(rotation)
    matrix = torch.eye(4, dtype=linear.dtype, device=linear.device).repeat(len(parameters), 1, 1)
    matrix[:, :3, :3] = linear
    matrix[:, :3, 3] = (linear @ parameters[:, 9:, None])[:, :, 0]
    return matrix


def centring(shape: tuple[int, int, int], voxel_size: tuple[float, float, float], like: Tensor) -> Tensor:
    """(4, 4): voxel index -> coordinates around the middle, in which the largest field of view spans -1..1."""
    extent = max(n * size for n, size in zip(shape, voxel_size, strict=True))
    steps = torch.tensor([2 * size / extent for size in voxel_size] + [1.0], dtype=like.dtype, device=like.device)
    matrix = torch.diag(steps)
    middle = torch.tensor([(n - 1) / 2 for n in shape], dtype=like.dtype, device=like.device)
    matrix[:3, 3] = -steps[:3] * middle
    return matrix


def transform(matrix: Tensor, points: Tensor) -> Tensor:
    """Coordinates (N or 1, 3, ...) through matrices (N, 4, 4)."""
    points = points.expand(matrix.shape[0], *points.shape[1:])
    moved = matrix[:, :3, :3] @ points.flatten(2) + matrix[:, :3, 3:]
    return moved.reshape(points.shape)


def chain(affine: Tensor, outer: Tensor, inner: Tensor) -> Tensor:
    """Displacement of A o (x + outer) o (x + inner) o A on the grid of the two displacements (N, 3, I, J, K).

    The affine map itself is never sampled: it continues beyond the grid, where displacements are held constant.
    """
    grid = identity(tuple(outer.shape[2:]), outer)
    points = transform(affine, grid)
    points = points + sample(inner, points)
    points = points + sample(outer, points)
    return transform(affine, points) - grid


def forward_map(state: HalfWay, affines: HalfAffines | None) -> Tensor:
    """The displacement f12 of the half-way maps between the affine halves."""
    return state.forward() if affines is None else chain(affines.left, state.left, state.right_inverse)


def inverse_map(state: HalfWay, affines: HalfAffines | None) -> Tensor:
    """f21, the way back."""
    return state.inverse() if affines is None else chain(affines.right, state.right, state.left_inverse)
