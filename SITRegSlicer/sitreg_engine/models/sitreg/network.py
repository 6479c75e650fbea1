"""SITReg: a feature pyramid per image, and from coarse to fine one anti-symmetric update of the half-way space.

Swapping the images swaps the two resulting maps bit by bit (on a CPU): features come from shared weights, each update
network sees the difference of the features and their sum, and everything after it is symmetric by construction.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from sitreg_engine.models.halfway import HalfWay, Registration
from sitreg_engine.parallel import in_parallel

from .affine_head import AffineHead, HalfAffines, forward_map, inverse_map
from .architecture import config_of, table_of
from .bounds import bound
from .comparing import compared
from .config import SITRegConfig
from .extractor import ConvolutionBlock, FeatureExtractor
from .pointwise import pointwise_apart
from .splines import upsample
from .update import updated


@dataclass(frozen=True)
class Level:
    """What one level did."""

    scale: int  # voxels per control point
    control_12: Tensor  # (N, 3, i, j, k) control values in control-grid voxels, images in the given order
    control_21: Tensor  # the same for the images swapped
    halfway: HalfWay  # after this level


@dataclass(frozen=True)
class PyramidRegistration(Registration):
    """With what the pyramid's levels did, and the affine stage around the half-way maps."""

    affines: HalfAffines | None = None  # when the network has an affine stage
    levels: tuple[Level, ...] = ()  # coarse to fine, when asked for

    @cached_property
    def f12(self) -> Tensor:
        """On the grid of image 2, into image 1."""
        return forward_map(self.halfway, self.affines)

    @cached_property
    def f21(self) -> Tensor:
        """On the grid of image 1, into image 2."""
        return inverse_map(self.halfway, self.affines)


class UpdateNetwork(nn.Module):
    """Difference and sum of the two images' features -> control values within the bound of their level."""

    def __init__(self, level: int, config: SITRegConfig):
        super().__init__()
        width = config.update_features[level]
        self.block = ConvolutionBlock(
            2 * config.features[level], width, config.update_convolutions, config.update_groups, config.norm_first
        )
        self.final = nn.Conv3d(width, 3, 1)
        self.limit = config.multiplier * bound((2**level,) * 3)

    def first(self, difference: Tensor, total: Tensor) -> tuple[Tensor, Tensor]:
        """The first convolution of (N, F, i, j, k) features, as the parts of it that the difference and the sum give.

        Swapping the images changes the sign of the difference and of its part: computed once, it serves both orders.
        """
        convolution = self.block.convolutions[0]
        of_difference, of_total = convolution.weight.chunk(2, dim=1)
        odd = F.conv3d(difference.to(self.block.dtype), of_difference, padding=1)
        even = F.conv3d(total.to(self.block.dtype), of_total, convolution.bias, padding=1)
        return odd, even

    def control(self, first: Tensor) -> Tensor:
        """From the whole first convolution, which is changed, to control values (N, 3, i, j, k)."""
        control = pointwise_apart(self.final, self.block.after_first(first))
        return self.limit * torch.tanh(control) if control.requires_grad else control.tanh_().mul_(self.limit)


class SITReg(nn.Module):
    def __init__(self, config: SITRegConfig):
        super().__init__()
        self.config = config
        self.extractor = FeatureExtractor(config)
        self.updates = nn.ModuleList(UpdateNetwork(level, config) for level in range(len(config.update_features)))
        self.affine = AffineHead(config) if config.affine else None
        self.to(memory_format=torch.channels_last_3d)
        self.checkpointing = False  # for training: compute blocks again in the backward pass instead of keeping them

    @classmethod
    def from_table(cls, table: dict) -> Self:
        """The network that a table of its configuration describes. Raises InputError."""
        return cls(config_of(table))

    def table(self) -> dict:
        """Its configuration as plain values."""
        return table_of(self.config)

    def compute_blocks_in(self, dtype: torch.dtype) -> Self:
        """Convolution blocks in another floating point format; bounds, splines and everything after keep the images'.

        Rounding the weights cannot be undone.
        """
        self.extractor.compute_in(dtype)
        for update in self.updates:
            update.block.to(dtype)
        return self

    def forward(self, image_1: Tensor, image_2: Tensor, keep_levels: bool = False) -> PyramidRegistration:
        """Images (N, C, I, J, K) of one grid, any size, normalised as in training."""
        pyramid_1, pyramid_2 = (self._run(self.extractor, image) for image in (image_1, image_2))
        shape = tuple(image_1.shape[2:])
        affines = self.affine(pyramid_1[-1], pyramid_2[-1], shape) if self.affine else None
        state, levels = None, []
        for level in reversed(range(len(self.config.features))):
            features = [pyramid.pop() for pyramid in (pyramid_1, pyramid_2)]  # freed when they have been compared
            if level >= len(self.updates):
                continue
            control_12, control_21 = self._controls(level, features, state, affines)
            # Nameless, so that they are gone when the next level begins: its features need the room.
            fields = (upsample(control, 2**level, shape) for control in (control_12, control_21))
            state = updated(state, *fields, self.config.inversion)
            if keep_levels:
                levels.append(Level(2**level, control_12, control_21, state))
        return PyramidRegistration(state, affines, tuple(levels))

    def _controls(
        self, level: int, features: list[Tensor], state: HalfWay | None, affines: HalfAffines | None
    ) -> tuple[Tensor, Tensor]:
        """The level's control values for the images in their order, and swapped; empties `features`."""
        update = self.updates[level]
        odd, even = self._run(update.first, *compared(features, state, affines, 2**level, update.block.dtype))
        given, swapped = _sum_and_difference(even, odd)
        del odd, even
        control = self._run(update.control, given)
        del given
        return control, self._run(update.control, swapped)

    def _run(self, block: Callable, *features: Tensor):
        if self.checkpointing and torch.is_grad_enabled():
            # Blocks change what they are given; what is kept for the second time must stay as it was.
            return checkpoint(lambda *kept: block(*(x.clone() for x in kept)), *features, use_reentrant=False)
        return block(*features)


def _sum_and_difference(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """a + b and a - b of (N, C, I, J, K); on a CPU without gradients they take the places of a and b."""
    if a.is_cuda or (torch.is_grad_enabled() and (a.requires_grad or b.requires_grad)):
        return a + b, a - b

    def exchange(plane: int) -> None:
        x, y = a[:, :, plane], b[:, :, plane]
        difference = x - y
        x.add_(y)
        y.copy_(difference)

    in_parallel(exchange, range(a.shape[2]))
    return a, b
