"""The common baseline: VoxelMorph's U-Net, one way, on the backbone that S-Net and DDR-Net have too.

Balakrishnan et al., IEEE TMI 38, 2019. It is no model of the product: `register_baseline` makes it known to training.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import torch
from torch import Tensor, nn

from sitreg_engine.errors import InputError
from sitreg_engine.models.halfway import HalfWay
from sitreg_engine.models.unet import UNet, UNetConfig, flow_head
from sitreg_engine.training.losses import LOSSES
from sitreg_engine.training.networks import NETWORKS
from sitreg_engine.training.scored import Scored
from sitreg_engine.training.settings import LossSettings

BASELINE, ONE_WAY_DIFFUSION = "one_way", "one_way_diffusion"


@dataclass(frozen=True)
class OneWayRegistration:
    """What a Registration (models.halfway) offers; the way back is another pass, made when it is asked for."""

    f12: Tensor  # (N, 3, I, J, K) in voxels
    turned: Callable[[], Tensor]  # f12 of the images in the other order

    @cached_property
    def f21(self) -> Tensor:
        """No inverse of f12: such a network has none."""
        return self.turned()

    @cached_property
    def halfway(self) -> HalfWay:
        """All the way in one step, as models without a half-way space have it."""
        still = torch.zeros_like(self.f12)
        return HalfWay(left=self.f12, right=still, left_inverse=self.f21, right_inverse=still)


class OneWayUNet(nn.Module):
    """A network that predicts the displacement itself."""

    def __init__(self, config: UNetConfig):
        super().__init__()
        self.unet = UNet(config)
        self.flow = flow_head(config.final[-1])

    @classmethod
    def from_table(cls, table: dict) -> Self:
        """Of VoxelMorph's sizes. Raises InputError for a table that is not empty: there is nothing to choose."""
        if table:
            raise InputError(f"The baseline has no settings, got {', '.join(table)}.")
        return cls(UNetConfig(in_channels=2))

    def table(self) -> dict:
        return {}

    def forward(self, image_1: Tensor, image_2: Tensor) -> OneWayRegistration:
        """Images (N, 1, I, J, K): moving, fixed; any size."""
        return OneWayRegistration(self._predicted(image_1, image_2), lambda: self._predicted(image_2, image_1))

    def _predicted(self, moving: Tensor, fixed: Tensor) -> Tensor:
        return self.flow(self.unet(torch.cat([moving, fixed], dim=1))).contiguous()


def one_way_diffusion(scored: Scored, _settings: LossSettings) -> Tensor:
    """The engine's loss `diffusion` of f12 alone: asking for f21 would train both ways."""
    fields = [pairing.registration.f12 for pairing in scored.pairings]
    return torch.stack([sum((u.diff(dim=axis) ** 2).mean() for axis in (2, 3, 4)) / 3 for u in fields]).mean()


def register_baseline() -> None:
    """From now on, in this process, the baseline and its loss can be trained."""
    NETWORKS[BASELINE] = OneWayUNet
    LOSSES[ONE_WAY_DIFFUSION] = one_way_diffusion
