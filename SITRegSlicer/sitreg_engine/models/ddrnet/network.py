"""DDR-Net: one branch looks at chunks of the images, one at the whole images at half their size; a convolution joins
the two velocities, and the flow of what it finds, forward and backward in time, is the two maps."""

from typing import Self

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sitreg_engine.models.unet import padded

from .branch import VariationalUNet, average_of_two
from .chunks import Chunk, Shape, layout, merge, split
from .config import DDRNetConfig
from .exponential import halves
from .registration import Posterior, VelocityRegistration


class DDRNet(nn.Module):
    def __init__(self, config: DDRNetConfig):
        super().__init__()
        self.config = config
        self.local_branch = VariationalUNet(config.unet, config.log_variance)
        self.global_branch = VariationalUNet(config.unet, config.log_variance)
        self.fusion = average_of_two()
        for phase, part in self._parts().items():
            part.requires_grad_(phase == config.phase)

    def _parts(self) -> dict[str, nn.Module]:
        """What learns in each phase."""
        return {"local": self.local_branch, "global": self.global_branch, "fusion": self.fusion}

    @classmethod
    def from_table(cls, table: dict) -> Self:
        """The network that a table of its configuration describes. Raises InputError."""
        return cls(DDRNetConfig.from_table(table))

    def table(self) -> dict:
        """Its configuration as plain values."""
        return self.config.table()

    def compute_blocks_in(self, dtype: torch.dtype) -> Self:
        """The U-Nets in another floating point format; velocities and all after them keep the images'."""
        for branch in (self.local_branch, self.global_branch):
            branch.unet.compute_in(dtype)
        return self

    def training_part(self, shape: Shape, rng: np.random.Generator) -> tuple[slice, ...] | None:
        """The voxels of a grid that a training step looks at; None = all. The local branch learns chunk by chunk."""
        if self.config.phase != "local":
            return None
        chunks = self._chunks(_rounded(shape, self.config.unet.multiple), self.config.splits)
        chosen = chunks[int(rng.integers(len(chunks)))]
        return tuple(slice(place.start, min(place.stop, size)) for place, size in zip(chosen.place, shape, strict=True))

    def forward(self, image_1: Tensor, image_2: Tensor) -> VelocityRegistration:
        """Images (N, 1, I, J, K) of one grid, any size, normalised as in training.

        A branch that is being trained takes them whole and draws a velocity, else it is the likeliest one.
        """
        images = padded(torch.cat([image_1, image_2], dim=1), self.config.unet.multiple)
        velocity, posterior = self._drawn(images) if self._learns else (self.velocity(images), None)
        i, j, k = image_1.shape[2:]
        velocity = velocity[..., :i, :j, :k].contiguous()
        return VelocityRegistration(halves(velocity, self.config.squarings), velocity, posterior)

    @property
    def _learns(self) -> bool:
        return self.training and self.config.phase != "fusion"

    def _drawn(self, images: Tensor) -> tuple[Tensor, Posterior]:
        if self.config.phase == "local":
            posterior = self.local_branch(images)
            return posterior.drawn(images), posterior
        posterior = self.global_branch(half_size(images))
        return double_size(posterior.drawn(images)), posterior

    def velocity(self, images: Tensor) -> Tensor:
        """(N, 3, I, J, K) in voxels, of images (N, 2, I, J, K) whose sizes are multiples of the U-Net's."""
        if self.config.phase == "local":
            return self._in_chunks(self.local_branch, images, self.config.splits)
        if self.config.phase == "global":
            return self._global(images)
        with torch.no_grad():  # the branches have learnt
            both = torch.cat([self._in_chunks(self.local_branch, images, self.config.splits), self._global(images)], 1)
        return self.fusion(both)

    def _global(self, images: Tensor) -> Tensor:
        # As a whole while that is no more than a chunk of the local branch: memory stays bounded.
        return double_size(self._in_chunks(self.global_branch, half_size(images), (1, 1, 1)))

    def _in_chunks(self, branch: VariationalUNet, images: Tensor, splits: Shape) -> Tensor:
        """The branch's velocity, from one chunk at a time."""
        shape = tuple(images.shape[2:])
        images = padded(images, self.config.unet.multiple)
        chunks = self._chunks(tuple(images.shape[2:]), splits)
        parts = (branch.mean(part) for part in split(images, chunks))
        i, j, k = shape
        return merge(parts, chunks, tuple(images.shape[2:]))[..., :i, :j, :k]

    def _chunks(self, shape: Shape, splits: Shape) -> tuple[Chunk, ...]:
        config = self.config
        return layout(shape, splits, config.chunk_voxels, config.overlap, config.unet.multiple)


def half_size(images: Tensor) -> Tensor:
    """(N, C, I, J, K) with even sizes -> half of them, trilinear: between two voxels lies their mean."""
    return F.avg_pool3d(images, 2)


def double_size(v: Tensor) -> Tensor:
    """Velocities (N, 3, i, j, k) on the grid of twice the size, trilinear, in its voxels.

    Voxels lie as `half_size` puts them: exactly two of this grid to one of the other at every place, which grids
    whose corner voxels coincide do not have.
    """
    return 2 * F.interpolate(v, scale_factor=2, mode="trilinear", align_corners=False)


def _rounded(shape: Shape, unit: int) -> Shape:
    return tuple(-(-n // unit) * unit for n in shape)
