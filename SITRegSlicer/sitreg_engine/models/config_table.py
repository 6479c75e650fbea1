"""A network's configuration as a table of plain values, for settings, model cards and weights files.

Each entry is a field of the configuration's dataclass; tuples are lists there. Fields whose default is made by a
factory are none: they say how a network is computed, not what it is made of, and no file keeps that.
"""

import dataclasses
from collections.abc import Collection
from typing import TypeVar

from sitreg_engine.errors import InputError

C = TypeVar("C")


def config_of(kind: type[C], table: dict, what: str) -> C:
    """The configuration of class `kind` that a table describes; what is not in the table has its default.

    `what`: the network for people, with its article. Raises InputError for unknown and missing entries; whether the
    values make a network is for `kind` or its reader to check.
    """
    entries = _entries(kind)
    needed = {field.name for field in entries if field.default is dataclasses.MISSING}
    known = [field.name for field in entries]
    if wrong := sorted(set(table) - set(known)) + sorted(needed - set(table)):
        raise InputError(
            f"The description of {what} has {'missing or unknown' if needed else 'unknown'} entries "
            f"({', '.join(wrong)}); it knows {', '.join(known)}."
        )
    return kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in table.items()})


def table_of(config: object, always: Collection[str] = ()) -> dict:
    """The same as plain values, in the order of the fields: what differs from the defaults, and the entries `always`.

    Which entries are written must stay as it is: a model's card is compared with the table of its network.
    """
    values = {field.name: (getattr(config, field.name), field.default) for field in _entries(type(config))}
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, (value, default) in values.items()
        if name in always or value != default
    }


def _entries(kind: type) -> list[dataclasses.Field]:
    return [field for field in dataclasses.fields(kind) if field.default_factory is dataclasses.MISSING]
