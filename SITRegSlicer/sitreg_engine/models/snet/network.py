"""S-Net: from two images to one half-way displacement, and by its two inverses to both exact maps.

phi_T = id + u leads from the half-way space to the template, phi_S = id - u to the subject. With w_T the displacement
of phi_T's inverse, w_T(x) = -u(x + w_T(x)), the way on to the subject adds the same step once more:
phi_S(phi_T^-1(x)) = x + 2 w_T(x). So each direction needs one inversion and no composition.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import torch
from torch import Tensor, nn

from sitreg_engine.mappings import warp
from sitreg_engine.models.halfway import HalfWay, Registration
from sitreg_engine.models.sitreg.inversion import InversionConfig, invert
from sitreg_engine.models.unet import UNet, flow_head

from .config import SNetConfig, config_of, table_of
from .contraction import contracted


@dataclass(frozen=True)
class SNetRegistration(Registration):
    """With the half-way displacement u, what became of it, and how well it was inverted."""

    displacement: Tensor  # u (N, 3, I, J, K) in voxels: half-way space -> template (image 2); to the subject it is -u
    share: Tensor  # (N,) of what was predicted that u is; below 1 where that was no contraction
    tolerance: float  # voxels, of the inversion

    @cached_property
    def f12(self) -> Tensor:
        """On the grid of image 2, into image 1: 2 w_T."""
        return 2 * self.halfway.right_inverse

    @cached_property
    def f21(self) -> Tensor:
        """On the grid of image 1, into image 2: 2 w_S."""
        return 2 * self.halfway.left_inverse

    @cached_property
    def residual(self) -> float:
        """How far from itself a point ends at most, in voxels: from an image to the half-way space and back."""
        with torch.no_grad():
            maps = self.halfway
            back = (maps.left_inverse, maps.left), (maps.right_inverse, maps.right)
            return max(float((w + warp(u, w)).abs().max()) for w, u in back)

    @property
    def converged(self) -> bool:
        """Whether both inverses are as exact as wanted; not if anything is NaN."""
        return self.residual <= self.tolerance


class SNet(nn.Module):
    def __init__(self, config: SNetConfig):
        super().__init__()
        self.config = config
        self.unet = UNet(config.unet)
        self.flow = flow_head(config.final[-1])

    @classmethod
    def from_table(cls, table: dict) -> Self:
        """The network that a table of its configuration describes. Raises InputError."""
        return cls(config_of(table))

    def table(self) -> dict:
        """Its configuration as plain values."""
        return table_of(self.config)

    @property
    def checkpointing(self) -> bool:
        """For training: compute blocks again in the backward pass instead of keeping them."""
        return self.unet.checkpointing

    @checkpointing.setter
    def checkpointing(self, wanted: bool) -> None:
        self.unet.checkpointing = wanted

    def compute_blocks_in(self, dtype: torch.dtype) -> Self:
        """The U-Net in another floating point format; the displacement and all after it keep the images'.

        Rounding the weights cannot be undone.
        """
        self.unet.compute_in(dtype)
        return self

    def forward(self, image_1: Tensor, image_2: Tensor) -> SNetRegistration:
        """Images (N, 1, I, J, K) of one grid, any size: the subject and the template, normalised as in training.

        In evaluation mode u is scaled down to a contraction where it is none; while training, losses see it as it is.
        """
        u = self._predicted(image_1, image_2)
        if self.config.antisymmetric:
            u = (u - self._predicted(image_2, image_1)) / 2
        u, share = (u, u.new_ones(len(u))) if self.training else contracted(u)
        return registration(u, self.config.inversion, share)

    def _predicted(self, subject: Tensor, template: Tensor) -> Tensor:
        channels = torch.cat([template, subject, template - subject], dim=1)
        return self.flow(self.unet(channels)).contiguous()


def registration(u: Tensor, config: InversionConfig, share: Tensor | None = None) -> SNetRegistration:
    """Both maps of a half-way displacement u (N, 3, I, J, K), in voxels; differentiable once."""
    right_inverse, left_inverse = invert(u, config), invert(-u, config)
    maps = HalfWay(-u, u, left_inverse=left_inverse, right_inverse=right_inverse)
    return SNetRegistration(maps, u, u.new_ones(len(u)) if share is None else share, config.tolerance)
