"""A SITReg's configuration as a plain table, for settings, model cards and weights files; and its weights in ours."""

import dataclasses
import json
from pathlib import Path

from sitreg_engine.errors import InputError
from sitreg_engine.models.safetensors_file import read_tensors, write_tensors

from .config import SITRegConfig
from .network import SITReg

_KEY = "architecture"  # of the weights file's metadata


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


def save_network(network: SITReg, path: Path) -> None:
    """Weights and architecture as one safetensors file."""
    metadata = {"format": "pt", _KEY: json.dumps(table_of(network.config))}
    write_tensors(path, network.state_dict(), metadata)


def load_network(path: Path) -> SITReg:
    """The network of such a file, float32 on the CPU, ready for inference. Raises InputError."""
    tensors, metadata = read_tensors(path)
    try:
        table = json.loads(metadata[_KEY])
    except (KeyError, json.JSONDecodeError) as error:
        raise InputError(f"The weights in {path} do not say which network they are of; export them anew.") from error
    network = SITReg(config_of(table))
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        told = str(error).splitlines()[-1].strip()
        raise InputError(f"The weights in {path} do not fit the network that they name: {told}") from error
    if not all(bool(tensor.isfinite().all()) for tensor in tensors.values()):
        raise InputError(f"The weights in {path} hold values that are not finite.")
    return network.eval().requires_grad_(False)
