"""What a NePhi network is made of."""

import math
from dataclasses import dataclass

from sitreg_engine.errors import InputError
from sitreg_engine.models import config_table

TRUNK = (8, 16, 32, 64, 128, 256)  # channels; deeper ones go on with the last
_LOCAL_DEPTH = 5  # the local codes are those of 2^5 voxels' side or less: sides of 11 to 23


@dataclass(frozen=True)
class NePhiConfig:
    """The defaults are the published numbers."""

    shape: tuple[int, ...] = (175, 175, 175)  # voxels that the encoder is made for; decides how deep it is
    overall_codes: int = 32
    local_codes: int = 32
    hidden: int = 128  # width of the coordinate MLPs
    layers: int = 2  # of each, between the first and the output
    frequencies: int = 128  # random ones of the Fourier features
    pooled: bool = True  # any image size, by pooling to 3 x 3 x 3 before the global code; else `shape` alone
    direct: bool = False  # local codes also move points by themselves, linearly: ours, see CoordinateMLP
    norm: str = "batch"  # of the encoder: "batch", with running statistics, or "group"

    @property
    def depth(self) -> int:
        """Blocks of the encoder's trunk, each of which halves the image."""
        return max(round(math.log2(max(self.shape))) - 7, 0) + len(TRUNK)

    @property
    def local_block(self) -> int:
        """The trunk's block (from 0) that the local codes are made from."""
        return max(round(math.log2(max(self.shape))) - _LOCAL_DEPTH, 0)

    @property
    def channels(self) -> tuple[int, ...]:
        return TRUNK + (TRUNK[-1],) * (self.depth - len(TRUNK))

    def after(self, blocks: int) -> tuple[int, ...]:
        """The image's size after so many blocks."""
        return tuple(-(-n // 2**blocks) for n in self.shape)


def config_of(table: dict) -> NePhiConfig:
    """The configuration that a table describes. Raises InputError for unknown and impossible entries."""
    config = config_table.config_of(NePhiConfig, table, "a NePhi network")
    _check(config)
    return config


def _check(config: NePhiConfig) -> None:
    if not (isinstance(config.shape, tuple) and len(config.shape) == 3 and all(_whole(n, 1) for n in config.shape)):
        raise InputError(f"The shape of a NePhi network must be three numbers of voxels, got {config.shape!r}.")
    for name in ("overall_codes", "local_codes", "hidden", "layers", "frequencies"):
        if not _whole(getattr(config, name), 1):
            raise InputError(f"The {name} of a NePhi network must be a positive number, got {getattr(config, name)!r}.")
    if config.norm not in ("batch", "group"):
        raise InputError(f'The norm of a NePhi network must be "batch" or "group", got {config.norm!r}.')
    for name in ("pooled", "direct"):
        if type(getattr(config, name)) is not bool:
            raise InputError(f"A NePhi network has {name} true or false, got {getattr(config, name)!r}.")


def _whole(value: object, least: int) -> bool:
    return type(value) is int and value >= least


def table_of(config: NePhiConfig) -> dict:
    """The same as plain values; only what differs from the defaults."""
    return config_table.table_of(config)
