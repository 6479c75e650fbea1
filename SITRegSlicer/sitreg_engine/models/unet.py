"""The U-Net that several models share, in the sizes of VoxelMorph (Balakrishnan et al., IEEE TMI 38, 2019).

It gives features at every voxel; what they mean is said by one or more heads (`flow_head`) on top of it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from sitreg_engine.errors import InputError

_SLOPE = 0.2  # of the leaky ReLU


@dataclass(frozen=True)
class UNetConfig:
    """Channels of every convolution. Raises InputError for what makes no network."""

    in_channels: int = 2
    encoder: tuple[int, ...] = (16, 32, 32, 32)  # one a level, each at half the size of the one before
    decoder: tuple[int, ...] = (32, 32, 32, 32)  # as many, from the coarsest up
    final: tuple[int, ...] = (32, 16, 16)  # at full size

    def __post_init__(self):
        for name in ("encoder", "decoder", "final"):
            sizes = getattr(self, name)
            if not (isinstance(sizes, tuple) and sizes and all(type(n) is int and n > 0 for n in sizes)):
                raise InputError(f"The {name} of a U-Net must be a list of positive numbers, got {sizes!r}.")
        if type(self.in_channels) is not int or self.in_channels < 1:
            raise InputError(f"The channels that a U-Net reads must be a positive number, got {self.in_channels!r}.")
        if len(self.encoder) != len(self.decoder):
            raise InputError(
                f"The encoder and decoder of a U-Net must have as many levels, got {self.encoder} and {self.decoder}."
            )

    @property
    def multiple(self) -> int:
        """Images are padded to multiples of this many voxels."""
        return 2 ** len(self.encoder)


class UNet(nn.Module):
    def __init__(self, config: UNetConfig):
        super().__init__()
        self.config = config
        skips = config.encoder[::-1]
        joined = [up + skip for up, skip in zip(config.decoder, skips, strict=True)]
        self.encoder = nn.ModuleList(_convolution(a, b) for a, b in pairwise((config.in_channels, *config.encoder)))
        inputs = (config.encoder[-1], *joined[:-1])
        self.decoder = nn.ModuleList(_convolution(a, b) for a, b in zip(inputs, config.decoder, strict=True))
        self.final = nn.ModuleList(_convolution(a, b) for a, b in pairwise((joined[-1], *config.final)))
        self.to(memory_format=torch.channels_last_3d)
        self.checkpointing = False  # for training: compute blocks again in the backward pass instead of keeping them

    def compute_in(self, dtype: torch.dtype) -> None:
        """Convolutions in another floating point format; what comes out keeps the images'."""
        for block in (self.encoder, self.decoder, self.final):
            block.to(dtype)

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, in_channels, I, J, K) of any size, as channels -> features (N, final[-1], I, J, K).

        Channels are neighbours in memory, within the network and in what it returns.
        """
        shape = images.shape[2:]
        x = padded(images, self.config.multiple).to(self.final[0].weight.dtype)
        x, skips = x.contiguous(memory_format=torch.channels_last_3d), []
        for convolution in self.encoder:
            skips.append(self._run(lambda x, c=convolution: _activated(c, x), x))
            x = F.max_pool3d(skips[-1], 2)
        for convolution in self.decoder:
            x = self._run(
                lambda x, skip, c=convolution: torch.cat([_doubled(_activated(c, x)), skip], 1), x, skips.pop()
            )
        x = self._run(self._at_full_size, x)
        return x[:, :, : shape[0], : shape[1], : shape[2]].to(images.dtype)

    def _at_full_size(self, x: Tensor) -> Tensor:
        for convolution in self.final:
            x = _activated(convolution, x)
        return x

    def _run(self, block: Callable, *features: Tensor) -> Tensor:
        if self.checkpointing and torch.is_grad_enabled():
            return checkpoint(block, *features, use_reentrant=False)
        return block(*features)


def flow_head(features: int, deviation: float = 1e-5, bias: float = 0.0) -> nn.Conv3d:
    """The convolution from features to three channels, that begins with nearly no effect: weights N(0, deviation)."""
    head = _convolution(features, 3)
    nn.init.normal_(head.weight, 0.0, deviation)
    nn.init.constant_(head.bias, bias)
    return head.to(memory_format=torch.channels_last_3d)


def padded(x: Tensor, multiple: int) -> Tensor:
    """(N, C, I, J, K) with edge values repeated at the end of each axis, up to a multiple of `multiple`."""
    missing = [-n % multiple for n in x.shape[2:]]
    if not any(missing):
        return x
    return F.pad(x, [size for n in reversed(missing) for size in (0, n)], mode="replicate")


def _convolution(inputs: int, outputs: int) -> nn.Conv3d:
    """Begins with the weights of He et al. 2015, as VoxelMorph in Keras: torch's own let deep features fade away."""
    made = nn.Conv3d(inputs, outputs, 3, padding=1)
    nn.init.kaiming_normal_(made.weight, _SLOPE, nonlinearity="leaky_relu")
    nn.init.zeros_(made.bias)
    return made


def _activated(convolution: nn.Conv3d, x: Tensor) -> Tensor:
    return F.leaky_relu(convolution(x), _SLOPE, inplace=True)


def _doubled(x: Tensor) -> Tensor:
    """Twice the size along each axis, every voxel repeated."""
    return F.interpolate(x, scale_factor=2, mode="nearest")
