"""The feature pyramid: one residual convolution block per level, each level half the size of the one before."""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .config import SITRegConfig
from .group_norm import fits, normalise
from .pointwise import pointwise


class ConvolutionBlock(nn.Module):
    """Conv 3x3x3, GroupNorm, ReLU (or with the last two exchanged), several times."""

    def __init__(self, inputs: int, outputs: int, convolutions: int, groups: int | None, norm_first: bool):
        super().__init__()
        sizes = [inputs] + [outputs] * convolutions
        self.convolutions = nn.ModuleList(nn.Conv3d(a, b, 3, padding=1) for a, b in pairwise(sizes))
        self.norms = nn.ModuleList(nn.GroupNorm(groups, outputs) for _ in range(convolutions) if groups)
        self.norm_first = norm_first

    @property
    def dtype(self) -> torch.dtype:
        """In which the block computes; what comes out of it has the format of what went in."""
        return self.convolutions[0].weight.dtype

    def forward(self, x: Tensor) -> Tensor:
        return self.after_first(self.convolutions[0](x.to(self.dtype))).to(x.dtype)

    def after_first(self, x: Tensor) -> Tensor:
        """The block from the result of its first convolution on, in the block's format; changes x."""
        x = self._activated(x, 0)
        for index in range(1, len(self.convolutions)):
            x = self._activated(self.convolutions[index](x), index)
        return x

    def _activated(self, x: Tensor, index: int) -> Tensor:
        if not self.norms:
            return F.relu(x, inplace=True)
        if fits(x):
            return normalise(x, self.norms[index], self.norm_first)
        if self.norm_first:
            return F.relu(self.norms[index](x), inplace=True)
        return self.norms[index](F.relu(x, inplace=True))


class Downsampling(nn.Module):
    """From one level to the next coarser one; the skip path goes round the block."""

    def __init__(self, inputs: int, outputs: int, config: SITRegConfig):
        super().__init__()
        self.strided = nn.Conv3d(inputs, outputs, 2, stride=2)
        self.skip = nn.Conv3d(inputs, outputs, 1)
        self.block = ConvolutionBlock(outputs, outputs, config.convolutions, config.groups, config.norm_first)

    def forward(self, features: Tensor, skip: Tensor) -> tuple[Tensor, Tensor]:
        skip = self.strided(padded_to_even(features)).add_(pointwise(self.skip, halved(padded_to_even(skip))))
        return self.block(skip), skip


class FeatureExtractor(nn.Module):
    def __init__(self, config: SITRegConfig):
        super().__init__()
        sizes = config.features
        self.projection = nn.Conv3d(config.in_channels, sizes[0], 1)
        self.first = ConvolutionBlock(sizes[0], sizes[0], config.convolutions, config.groups, config.norm_first)
        self.coarser = nn.ModuleList(Downsampling(a, b, config) for a, b in pairwise(sizes))

    def compute_in(self, dtype: torch.dtype) -> None:
        """The blocks in another floating point format; projection and skip path keep theirs."""
        for block in (self.first, *(level.block for level in self.coarser)):
            block.to(dtype)

    def forward(self, image: Tensor) -> list[Tensor]:
        """Image (N, C, I, J, K) -> features (N, F_k, ceil(I / 2^k), ...) of all levels, fine to coarse."""
        skip = pointwise(self.projection, image)
        pyramid = [self.first(skip)]
        for downsampling in self.coarser:
            features, skip = downsampling(pyramid[-1], skip)
            pyramid.append(features)
        return pyramid


def halved(x: Tensor) -> Tensor:
    """Means over cubes of two voxels, of (N, C, I, J, K) with even sides; plane by plane, which keeps x's layout."""
    planes = F.avg_pool2d(x.movedim(2, 1).flatten(0, 1), 2).unflatten(0, (x.shape[0], -1)).movedim(1, 2)
    return (planes[:, :, 0::2] + planes[:, :, 1::2]) / 2


def padded_to_even(x: Tensor) -> Tensor:
    """A plane of zeros more at the end of every odd axis."""
    if not any(n % 2 for n in x.shape[2:]):
        return x
    return F.pad(x, [size for n in reversed(x.shape[2:]) for size in (0, n % 2)])
