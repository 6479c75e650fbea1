"""What a DDR-Net is made of, as a plain table for settings, model cards and weights files."""

import math
from dataclasses import dataclass
from typing import Self

from sitreg_engine.errors import InputError
from sitreg_engine.models import config_table
from sitreg_engine.models.unet import UNetConfig

PHASES = ("local", "global", "fusion")


@dataclass(frozen=True)
class DDRNetConfig:
    """Raises InputError for what makes no network. With overlap 0 the chunks are those of the paper, four quarters."""

    # Which part learns, and whose velocity is the result: the branches in turn, then the convolution that joins them.
    phase: str = "fusion"
    encoder: tuple[int, ...] = UNetConfig.encoder  # channels of each branch's U-Net
    decoder: tuple[int, ...] = UNetConfig.decoder
    final: tuple[int, ...] = UNetConfig.final
    splits: tuple[int, ...] = (1, 2, 2)  # the least number of chunks along each axis
    chunk_voxels: int = 2_000_000  # of a chunk at most: more chunks where these would be larger
    overlap: int = 16  # voxels, a multiple of the U-Net's
    squarings: int = 7
    log_variance: float = -10.0  # of the velocities that the branches begin with

    def __post_init__(self):
        if self.phase not in PHASES:
            raise InputError(f"The phase of a DDR-Net must be one of {', '.join(PHASES)}, got {self.phase!r}.")
        if not (_is_whole(self.splits, 1) and len(self.splits) == 3):
            raise InputError(f"The splits of a DDR-Net must be three positive numbers, got {self.splits!r}.")
        unit = self.unet.multiple
        if not _is_whole((self.overlap,), 0) or self.overlap % unit:
            raise InputError(f"The overlap of a DDR-Net's chunks must be a multiple of {unit}, got {self.overlap!r}.")
        if not _is_whole((self.chunk_voxels,), 1):
            raise InputError(f"The chunk_voxels of a DDR-Net must be a positive number, got {self.chunk_voxels!r}.")
        if not (_is_whole((self.squarings,), 1) and self.squarings <= 20):
            raise InputError(f"The squarings of a DDR-Net must be a number from 1 to 20, got {self.squarings!r}.")
        if not (type(self.log_variance) in (int, float) and math.isfinite(self.log_variance)):
            raise InputError(f"The log_variance of a DDR-Net must be a number, got {self.log_variance!r}.")

    @property
    def unet(self) -> UNetConfig:
        return UNetConfig(2, self.encoder, self.decoder, self.final)

    @classmethod
    def from_table(cls, table: dict) -> Self:
        """Raises InputError for unknown and impossible entries."""
        return config_table.config_of(cls, table, "a DDR-Net")

    def table(self) -> dict:
        """The same as plain values; the phase, and what differs from the defaults."""
        return config_table.table_of(self, always=("phase",))


def _is_whole(values: tuple, least: int) -> bool:
    return isinstance(values, tuple) and all(type(value) is int and value >= least for value in values)
