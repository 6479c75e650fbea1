"""A SITReg's configuration as a plain table, for settings, model cards and weights files."""

import dataclasses

from sitreg_engine.errors import InputError

from .config import SITRegConfig


def config_of(table: dict) -> SITRegConfig:
    """The configuration that a table describes. Raises InputError for unknown, missing and impossible entries."""
    fields = {f.name: f for f in dataclasses.fields(SITRegConfig) if f.name != "inversion"}
    needed = {name for name, f in fields.items() if f.default is dataclasses.MISSING}
    if wrong := sorted(set(table) - set(fields)) + sorted(needed - set(table)):
        raise InputError(
            f"The description of a SITReg network has missing or unknown entries ({', '.join(wrong)}); "
            f"it knows {', '.join(fields)}."
        )
    config = SITRegConfig(**{name: tuple(v) if isinstance(v, list) else v for name, v in table.items()})
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
    found = {}
    for field in dataclasses.fields(SITRegConfig):
        value = getattr(config, field.name)
        if field.name != "inversion" and value != field.default:
            found[field.name] = list(value) if isinstance(value, tuple) else value
    return found
