"""The feature pyramid: one residual convolution block per level, each level half the size of the one before."""

from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn

from .config import SITRegConfig


class ConvolutionBlock(nn.Module):
    """Conv 3x3x3, GroupNorm, ReLU (or with the last two exchanged), several times."""

    def __init__(self, inputs: int, outputs: int, convolutions: int, groups: int | None, norm_first: bool):
        super().__init__()
        sizes = [inputs] + [outputs] * convolutions
        self.convolutions = nn.ModuleList(nn.Conv3d(a, b, 3, padding=1) for a, b in pairwise(sizes))
        self.norms = nn.ModuleList(nn.GroupNorm(groups, outputs) for _ in range(convolutions) if groups)
        self.norm_first = norm_first

    def forward(self, x: Tensor) -> Tensor:
        for index, convolution in enumerate(self.convolutions):
            x = convolution(x)
            if not self.norms:
                x = F.relu(x, inplace=True)
            elif self.norm_first:
                x = F.relu(self.norms[index](x), inplace=True)
            else:
                x = self.norms[index](F.relu(x, inplace=True))
        return x


class Downsampling(nn.Module):
    """From one level to the next coarser one; the skip path goes round the block."""

    def __init__(self, inputs: int, outputs: int, config: SITRegConfig):
        super().__init__()
        self.strided = nn.Conv3d(inputs, outputs, 2, stride=2)
        self.skip = nn.Conv3d(inputs, outputs, 1)
        self.block = ConvolutionBlock(outputs, outputs, config.convolutions, config.groups, config.norm_first)

    def forward(self, features: Tensor, skip: Tensor) -> tuple[Tensor, Tensor]:
        skip = self.strided(padded_to_even(features)) + self.skip(F.avg_pool3d(padded_to_even(skip), 2))
        return self.block(skip), skip


class FeatureExtractor(nn.Module):
    def __init__(self, config: SITRegConfig):
        super().__init__()
        sizes = config.features
        self.projection = nn.Conv3d(config.in_channels, sizes[0], 1)
        self.first = ConvolutionBlock(sizes[0], sizes[0], config.convolutions, config.groups, config.norm_first)
        self.coarser = nn.ModuleList(Downsampling(a, b, config) for a, b in pairwise(sizes))

    def forward(self, image: Tensor) -> list[Tensor]:
        """Image (N, C, I, J, K) -> features (N, F_k, ceil(I / 2^k), ...) of all levels, fine to coarse."""
        skip = self.projection(image)
        pyramid = [self.first(skip)]
        for downsampling in self.coarser:
            features, skip = downsampling(pyramid[-1], skip)
            pyramid.append(features)
        return pyramid


def padded_to_even(x: Tensor) -> Tensor:
    """A plane of zeros more at the end of every odd axis."""
    return F.pad(x, [size for n in reversed(x.shape[2:]) for size in (0, n % 2)])
