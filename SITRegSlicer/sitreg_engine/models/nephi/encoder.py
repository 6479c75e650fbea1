"""Two images -> the latent code of their registration, in one pass of strided convolutions."""

import math
from itertools import pairwise

import torch
from torch import Tensor, nn

from sitreg_engine.errors import InputError

from .config import NePhiConfig
from .latents import Latents

_POOLED = 3  # voxels along each axis before the global code
_CODES = 256  # width of the layer before the global code
_GROUPS = 4


class Encoder(nn.Module):
    def __init__(self, config: NePhiConfig):
        super().__init__()
        self.config = config
        channels = (2, *config.channels)
        self.trunk = nn.ModuleList(_block(a, b, 2, config.norm) for a, b in pairwise(channels))
        self.local = _block(config.channels[config.local_block], config.local_codes, 1, config.norm)
        end = (_POOLED,) * 3 if config.pooled else config.after(config.depth)
        self.overall = nn.Sequential(
            nn.AdaptiveAvgPool3d(_POOLED) if config.pooled else nn.Identity(),
            nn.Flatten(),
            nn.Linear(config.channels[-1] * math.prod(end), _CODES),
            nn.LeakyReLU(0.2),
            nn.Linear(_CODES, config.overall_codes),
        )

    def forward(self, image_1: Tensor, image_2: Tensor) -> Latents:
        """Images (1, 1, I, J, K); their order matters. Raises InputError for sizes that it was not built for."""
        self._check(image_1)
        features, local = torch.cat([image_1, image_2], dim=1), None
        for number, block in enumerate(self.trunk):
            features = block(features)
            if number == self.config.local_block:
                local = self.local(features)
        return Latents(self.overall(features)[0], local[0])

    def _check(self, image: Tensor) -> None:
        if len(image) != 1:
            raise ValueError(f"One pair at a time was expected, got {len(image)}: each has latent codes of its own.")
        shape = tuple(image.shape[2:])
        if not self.config.pooled and shape != tuple(self.config.shape):
            wanted, given = ("x".join(map(str, sizes)) for sizes in (self.config.shape, shape))
            raise InputError(
                f"This NePhi network was built for images of {wanted} voxels alone, got {given}: take one with "
                "pooled = true, or fit NePhi to the pair without weights."
            )

    def train(self, mode: bool = True) -> "Encoder":
        """Pairs come one by one: statistics of a single one would be no statistics, so the running ones stay."""
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm3d):
                module.eval()
        return self


def _block(inputs: int, outputs: int, stride: int, norm: str) -> nn.Sequential:
    normed = nn.BatchNorm3d(outputs) if norm == "batch" else nn.GroupNorm(math.gcd(_GROUPS, outputs), outputs)
    return nn.Sequential(nn.Conv3d(inputs, outputs, 3, stride, 1), normed, nn.LeakyReLU(0.2))
