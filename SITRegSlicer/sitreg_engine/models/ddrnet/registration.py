"""What a velocity field makes of a pair of images, with what the losses of a DDR-Net ask for."""

import zlib
from dataclasses import dataclass

import torch
from torch import Tensor

from sitreg_engine.models.halfway import Registration


@dataclass(frozen=True)
class Posterior:
    """A normal distribution of each voxel's velocity; (N, 3, i, j, k), in voxels of its own grid."""

    mean: Tensor
    log_variance: Tensor

    def drawn(self, images: Tensor) -> Tensor:
        """A velocity of this distribution. The images decide which: a training that is resumed draws the same."""
        generator = torch.Generator().manual_seed(zlib.crc32(images.detach().float().cpu().contiguous().numpy()))
        noise = torch.randn(self.mean.shape, generator=generator, dtype=self.mean.dtype).to(self.mean.device)
        return self.mean + torch.exp(self.log_variance / 2) * noise


@dataclass(frozen=True)
class VelocityRegistration(Registration):
    """f12 = exp(velocity), f21 = exp(-velocity)."""

    velocity: Tensor  # (N, 3, I, J, K) in voxels
    posterior: Posterior | None = None  # that the velocity was drawn of, while a branch learns
