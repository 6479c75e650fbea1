"""TOML files into RunSettings; anything unknown or of a wrong kind is refused in one line."""

import dataclasses
import os
import tomllib
import types
import typing
from pathlib import Path

from sitreg_engine.errors import InputError

from .settings import CardSettings, RunSettings

_CHOICES = {
    "data.alignment": ("template", "pair"),
    "losses.space": ("images", "fixed", "halfway"),
    "optimiser.name": ("adam", "adamw"),
    "optimiser.schedule": ("cosine", "halving", "constant"),
    "optimiser.dtype": ("float32", "bfloat16"),
    "group": (2, 3),
}
_LEAST = {  # 0 means "never" or "none" where it is allowed
    **dict.fromkeys(("steps", "save_every", "log_every", "optimiser.accumulate", "losses.window", "losses.labels"), 1),
    "teacher.pairs": 1,
    **dict.fromkeys(("validation.every", "validation.pairs", "validation.patience"), 0),
    **dict.fromkeys(("data.workers", "losses.points"), 0),
}
_INPUTS = {"data.table", "data.root"}  # relative to the file that names them
_RUNS = {"run", "data.cache", "start.weights", "start.grown_from"}  # relative to where the training is started


def read_settings(path: Path) -> RunSettings:
    """The settings in a file; paths in it may hold $VARIABLES.

    The table and its root are relative to the file; runs and the cache to the current folder.
    Raises InputError for a missing file, bad TOML, unknown or missing keys, and values of the wrong kind.
    """
    return _built(RunSettings, _parsed(path), "", Path(path))


def read_card_texts(path: Path) -> CardSettings:
    """The [card] of a settings file alone: whether its data is at hand does not matter. Raises InputError."""
    return _built(CardSettings, _parsed(path).get("card", {}), "card.", Path(path))


def _parsed(path: Path) -> dict:
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"The settings of a training were expected at {path}: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"The settings in {path} are not valid TOML: {error}.") from error


def _built(kind: type, content: object, at: str, path: Path):
    """A dataclass from a table of TOML; `at` is its place in the file, such as "data."."""
    if not isinstance(content, dict):
        raise InputError(f"In {path}, [{at.rstrip('.')}] must be a table, got {content!r}.")
    fields = {field.name: field for field in dataclasses.fields(kind)}
    types_of = typing.get_type_hints(kind)
    for key in content:
        if key not in fields:
            raise InputError(f"In {path}, {at}{key} is unknown; known are {', '.join(fields)}.")
    for name, field in fields.items():
        if name not in content and field.default is field.default_factory is dataclasses.MISSING:
            raise InputError(f"In {path}, {at}{name} is missing; it has no default.")
    return kind(**{key: _value(types_of[key], value, at + key, path) for key, value in content.items()})


def _value(kind, value: object, at: str, path: Path):
    if dataclasses.is_dataclass(kind):
        return _built(kind, value, at + ".", path)
    if isinstance(kind, types.GenericAlias):  # tuple of dataclasses: [[losses]]
        if not isinstance(value, list):
            raise InputError(f"In {path}, {at} must be an array of tables ([[{at}]]), got {value!r}.")
        return tuple(_built(typing.get_args(kind)[0], item, at + ".", path) for item in value)
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind:
        raise InputError(f"In {path}, {at} must be of type {kind.__name__}, got {value!r}.")
    if at in _CHOICES and value not in _CHOICES[at]:
        raise InputError(f"In {path}, {at} must be one of {', '.join(map(str, _CHOICES[at]))}, got {value!r}.")
    if at in _LEAST and value < _LEAST[at]:
        raise InputError(f"In {path}, {at} must be at least {_LEAST[at]}, got {value!r}.")
    return _resolved(value, at, path) if at in _INPUTS | _RUNS and value else value


def _resolved(value: str, at: str, path: Path) -> str:
    expanded = os.path.expanduser(os.path.expandvars(value))
    if "$" in expanded:
        raise InputError(f"In {path}, {at} is {value!r}, but that variable is not set in the environment.")
    return str((path.parent / expanded if at in _INPUTS else Path(expanded)).resolve())
