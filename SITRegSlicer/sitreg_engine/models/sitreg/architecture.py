"""A SITReg's configuration as a plain table, for settings, model cards and weights files."""

from sitreg_engine.errors import InputError
from sitreg_engine.models import config_table

from .config import SITRegConfig


def config_of(table: dict) -> SITRegConfig:
    """The configuration that a table describes. Raises InputError for unknown, missing and impossible entries."""
    config = config_table.config_of(SITRegConfig, table, "a SITReg network")
    _check(config)
    return config


def _check(config: SITRegConfig) -> None:
    for name, groups in (("features", config.groups), ("update_features", config.update_groups or 1)):
        sizes = getattr(config, name)
        if not (isinstance(sizes, tuple) and sizes and all(type(n) is int and n > 0 for n in sizes)):
            raise InputError(f"The {name} of a SITReg network must be a list of positive numbers, got {sizes!r}.")
        if type(groups) is not int or groups < 1 or any(n % groups for n in sizes):
            raise InputError(
                f"The normalisation groups of a SITReg network must divide {name} {sizes}, got {groups!r}."
            )
    if len(config.update_features) > len(config.features):
        raise InputError(
            f"A SITReg network has update networks at as many levels as features or fewer, got "
            f"{len(config.update_features)} and {len(config.features)}."
        )


def table_of(config: SITRegConfig) -> dict:
    """The same as plain values; only what differs from the defaults."""
    return config_table.table_of(config)
