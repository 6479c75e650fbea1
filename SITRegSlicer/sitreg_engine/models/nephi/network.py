"""NePhi: an encoder that reads a latent code off two images, and two maps as functions of coordinates and that code.

Tian, Greer, Vialard, Kwitt, Estepar, Bouix, Rushmore, Niethammer: "NePhi: Neural Deformation Fields for Approximately
Diffeomorphic Medical Image Registration". The maps are not exact inverses of each other; training teaches them to be.
"""

from functools import cached_property
from typing import Self

from torch import Tensor, nn

from sitreg_engine.models.halfway import HalfWay, Registration

from .config import NePhiConfig, config_of, table_of
from .coordinate_mlp import CoordinateMLP
from .encoder import Encoder
from .maps import FunctionalMaps, on_grid


class NePhiRegistration(Registration):
    """The maps as functions; their values on the images' grid are computed when they are asked for."""

    def __init__(self, maps: FunctionalMaps, shape: tuple[int, int, int]):
        # The base class is frozen, and has its half-way maps from the beginning; here they are costly.
        object.__setattr__(self, "maps", maps)
        object.__setattr__(self, "shape", shape)

    @cached_property
    def halfway(self) -> HalfWay:
        return HalfWay(self.f12, self.f12.new_zeros(self.f12.shape), self.f21, self.f12.new_zeros(self.f12.shape))

    @cached_property
    def f12(self) -> Tensor:
        return on_grid(self.maps.ahead, self.maps.latents, self.shape)

    @cached_property
    def f21(self) -> Tensor:
        return on_grid(self.maps.back, self.maps.latents, self.shape)


class NePhi(nn.Module):
    def __init__(self, config: NePhiConfig):
        super().__init__()
        self.config = config
        self.encoder = Encoder(config)
        self.ahead = CoordinateMLP(config)
        self.back = CoordinateMLP(config)

    @classmethod
    def from_table(cls, table: dict) -> Self:
        """The network that a table of its configuration describes. Raises InputError."""
        return cls(config_of(table))

    def table(self) -> dict:
        """Its configuration as plain values."""
        return table_of(self.config)

    def forward(self, image_1: Tensor, image_2: Tensor) -> NePhiRegistration:
        """Images (1, 1, I, J, K) of one grid, normalised as in training; any size where the encoder pools."""
        maps = FunctionalMaps(self.ahead, self.back, self.encoder(image_1, image_2))
        return NePhiRegistration(maps, tuple(image_1.shape[2:]))
