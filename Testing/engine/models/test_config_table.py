"""Configurations and their tables, for any dataclass of plain values."""

import json
import re
from dataclasses import dataclass, field

import pytest

from sitreg_engine.errors import InputError
from sitreg_engine.models.config_table import config_of, table_of


@dataclass(frozen=True)
class Solver:
    tolerance: float = 0.01


@dataclass(frozen=True)
class Bridge:
    spans: tuple[int, ...] = (3, 4, 3)
    arch: str = "round"
    toll: float | None = None
    solver: Solver = field(default_factory=Solver)


@dataclass(frozen=True)
class Tower:
    storeys: tuple[int, ...]
    height: float
    stairs: bool = True


CONFIGS = [
    Bridge(),
    Bridge(spans=(5,), toll=2.5),
    Bridge(spans=(), arch=""),
    Tower((1, 2), 30.0),
    Tower((), 0.0, stairs=False),
]


def test_a_table_holds_what_differs_from_the_defaults_as_plain_values():
    assert table_of(Bridge()) == {}
    assert table_of(Bridge(spans=(5, 6), toll=2.5)) == {"spans": [5, 6], "toll": 2.5}


def test_what_has_no_default_is_always_in_the_table():
    assert table_of(Tower((1, 2), 30.0)) == {"storeys": [1, 2], "height": 30.0}


def test_entries_can_be_asked_for_even_where_they_are_the_default_and_keep_their_place():
    asked = table_of(Bridge(toll=1.0), always=("arch", "spans"))
    assert list(asked.items()) == [("spans", [3, 4, 3]), ("arch", "round"), ("toll", 1.0)]


def test_what_is_not_in_a_table_has_its_default_and_lists_become_tuples():
    assert config_of(Bridge, {}, "a bridge") == Bridge()
    assert config_of(Tower, {"storeys": [1, 2], "height": 3}, "a tower") == Tower((1, 2), 3)


@pytest.mark.parametrize("config", CONFIGS)
@pytest.mark.parametrize("always", [(), ("spans", "arch", "toll", "stairs")])
def test_a_configuration_survives_its_table_and_a_file(config, always):
    written = json.loads(json.dumps(table_of(config, always)))
    assert written == table_of(config, always)
    assert config_of(type(config), written, "a building") == config


def test_how_a_network_is_computed_is_no_entry():
    assert table_of(Bridge(solver=Solver(0.5)), always=("solver",)) == {}
    with pytest.raises(InputError, match=re.escape("(solver); it knows spans, arch, toll.")):
        config_of(Bridge, {"solver": Solver()}, "a bridge")


def test_unknown_entries_are_named_along_with_those_that_are_known():
    told = "The description of a bridge has unknown entries (boats, rails); it knows spans, arch, toll."
    with pytest.raises(InputError, match=f"^{re.escape(told)}$"):
        config_of(Bridge, {"rails": 2, "spans": [1], "boats": 1}, "a bridge")


def test_missing_entries_are_named_after_the_unknown_ones():
    told = "The description of a tower has missing or unknown entries (roof, height); it knows storeys, height, stairs."
    with pytest.raises(InputError, match=f"^{re.escape(told)}$"):
        config_of(Tower, {"storeys": [1], "roof": "flat"}, "a tower")
