"""Settings files: what they become, and what is refused."""

from pathlib import Path

import pytest

import sitreg_engine.training
from sitreg_engine.errors import InputError
from sitreg_engine.training.config_file import read_settings
from sitreg_engine.training.losses import check_losses
from sitreg_engine.training.networks import build_network

MINIMAL = 'run = "r"\n[network]\nfeatures = [4]\n[data]\ntable = "t.csv"\n[[losses]]\nname = "mse"\n'
SHIPPED = sorted((Path(sitreg_engine.training.__file__).parent / "configs").glob("*.toml"))


def read(tmp_path, text: str):
    path = tmp_path / "settings.toml"
    path.write_text(text, encoding="utf-8")
    return read_settings(path)


def test_what_is_not_said_has_its_default(tmp_path):
    settings = read(tmp_path, MINIMAL)
    assert (settings.steps, settings.data.spacing, settings.losses[0].weight) == (10000, 2.0, 1.0)


def test_whole_numbers_serve_as_real_ones(tmp_path):
    assert read(tmp_path, MINIMAL.replace("[network]", "[augment]\nrotation = 5\n[network]")).augment.rotation == 5.0


def test_tables_lie_beside_the_file_and_runs_where_one_is(tmp_path, monkeypatch):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    settings = read(tmp_path, MINIMAL)
    assert (settings.data.table, settings.run) == (str(tmp_path / "t.csv"), str(elsewhere / "r"))


def test_variables_of_the_environment_are_filled_in(tmp_path, monkeypatch):
    monkeypatch.setenv("MY_DATA", str(tmp_path / "data"))
    settings = read(tmp_path, MINIMAL.replace('"t.csv"', '"$MY_DATA/t.csv"'))
    assert settings.data.table == str(tmp_path / "data" / "t.csv")


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        ('run = "r"', 'run = "r"\nstep = 4', "step is unknown; known are run, network"),
        ('run = "r"\n', "", "run is missing"),
        ('run = "r"', 'run = "r"\nsteps = "many"', "steps must be of type int, got 'many'"),
        ('run = "r"', 'run = "r"\nsteps = true', "steps must be of type int, got True"),
        ('run = "r"', 'run = "r"\ngroup = 4', "group must be one of 2, 3, got 4"),
        ("[data]", "[data]\nalignment = 'none'", "data.alignment must be one of template, pair"),
        ("[data]", "[data]\nspace = 2", "data.space is unknown"),
        ("[[losses]]", "[losses]", "losses must be an array of tables"),
        ('name = "mse"', 'name = "mse"\nspace = "outer"', "losses.space must be one of images, fixed, halfway"),
        ('"t.csv"', '"$NOBODY_SET_THIS/t.csv"', "that variable is not set"),
        ('run = "r"', "run = ", "not valid TOML"),
        ('run = "r"', 'run = "r"\nsave_every = 0', "save_every must be at least 1, got 0"),
        ('name = "mse"', 'name = "mse"\nlabels = 0', "losses.labels must be at least 1"),
    ],
)
def test_a_settings_file_that_cannot_be_used_is_refused(tmp_path, before, after, reason):
    with pytest.raises(InputError, match=reason):
        read(tmp_path, MINIMAL.replace(before, after))


def test_a_missing_settings_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="were expected at"):
        read_settings(tmp_path / "none.toml")


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.stem)
def test_the_shipped_settings_describe_a_network_and_losses(path, monkeypatch, tmp_path):
    monkeypatch.setenv("SITREG_DATA", str(tmp_path))
    settings = read_settings(path)
    check_losses(settings.losses, settings.group)
    build_network(settings.model, settings.network, settings.seed)
    assert Path(settings.data.table).is_file()
