"""How the images of a run look is noted once, and read back for the model card."""

import json

import pytest

from sitreg_engine.errors import InputError
from sitreg_engine.models.familiar import QUANTILES, unlike
from sitreg_engine.training.config_file import read_settings
from sitreg_engine.training.looks import LOOKS, note_looks, read_looks
from sitreg_engine.training.sampler import Sampler, make_sampler


@pytest.fixture
def sampler(config) -> Sampler:
    return make_sampler(read_settings(config()), lambda _: None)


def test_what_a_run_draws_is_familiar_to_its_network(sampler, tmp_path):
    note_looks(sampler, tmp_path)
    found = read_looks(tmp_path)
    assert found.side[0] < found.side[1] and len(found.quantiles) == len(QUANTILES)
    view = sampler.draw(0, 0).views[0]
    assert unlike(found, view.image, view.seen, sampler.spacing) == []


def test_a_run_that_is_resumed_keeps_what_was_noted(sampler, tmp_path):
    (tmp_path / LOOKS).write_text(json.dumps({"side": [1, 2.0], "quantiles": [[0.1, 0.2]] * 5}), encoding="utf-8")
    note_looks(sampler, tmp_path)
    assert read_looks(tmp_path).side == (1.0, 2.0)


def test_what_is_noted_is_what_the_network_sees_first(config, sampler, tmp_path):
    again = make_sampler(read_settings(config("again", augment="second_look = 1.0")), lambda _: None)
    for one, folder in ((sampler, tmp_path / "first"), (again, tmp_path / "second")):
        folder.mkdir()
        note_looks(one, folder)
    assert read_looks(tmp_path / "second") == read_looks(tmp_path / "first")


def test_a_run_that_noted_nothing_has_no_looks(tmp_path):
    assert read_looks(tmp_path) is None


def test_looks_of_another_kind_are_refused_with_their_file(tmp_path):
    (tmp_path / LOOKS).write_text('{"side": [1.0, 2.0]}', encoding="utf-8")
    with pytest.raises(InputError, match=r"looks\.json: familiar must hold ranges of side and quantiles"):
        read_looks(tmp_path)
