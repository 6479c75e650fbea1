"""What an S-Net is made of, and the same as a plain table for settings, model cards and weights files."""

from dataclasses import dataclass, field

from sitreg_engine.errors import InputError
from sitreg_engine.models import config_table
from sitreg_engine.models.sitreg.inversion import InversionConfig
from sitreg_engine.models.unet import UNetConfig

CHANNELS = 3  # template, subject, template - subject


@dataclass(frozen=True)
class SNetConfig:
    encoder: tuple[int, ...] = UNetConfig.encoder
    decoder: tuple[int, ...] = UNetConfig.decoder
    final: tuple[int, ...] = UNetConfig.final
    # Half the difference of what the network says of the images in both orders: swapping them then swaps the maps
    # exactly, at twice the cost. Not in the paper. (The flow's bias cancels out.)
    antisymmetric: bool = False
    inversion: InversionConfig = field(default_factory=lambda: InversionConfig(tolerance=1e-3))

    @property
    def unet(self) -> UNetConfig:
        """Raises InputError for channels that make no network."""
        return UNetConfig(CHANNELS, self.encoder, self.decoder, self.final)


def config_of(table: dict) -> SNetConfig:
    """The configuration that a table describes. Raises InputError for unknown and impossible entries."""
    config = config_table.config_of(SNetConfig, table, "an S-Net")
    if type(config.antisymmetric) is not bool:
        raise InputError(f"An S-Net is antisymmetric or not: true or false, got {config.antisymmetric!r}.")
    _ = config.unet  # checks the channels
    return config


def table_of(config: SNetConfig) -> dict:
    """The same as plain values, all of them."""
    return config_table.table_of(config, always=("encoder", "decoder", "final", "antisymmetric"))
