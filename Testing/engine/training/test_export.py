"""From a run to a model that registers."""

import json

import pytest
import torch

from sitreg_engine.cli import main
from sitreg_engine.errors import InputError
from sitreg_engine.models import load_from
from sitreg_engine.training.command import run_training
from sitreg_engine.training.export import export_run
from sitreg_engine.training.state import read_checkpoint

CARD = """
[card]
title = "Bodies"
anatomy = "body"
modality = "none"
contrast = "bright"
licence = "CC0"
data = "made up"
limits = "knows ellipsoids"
capture_range = 10
"""


def run(config, tmp_path, rest: str = CARD):
    run_training(str(config(steps=2, every=2, rest=rest)), None, 0, lambda _: None)
    return tmp_path / "run"


def test_the_averaged_weights_become_a_model_with_its_card(config, tmp_path):
    card = export_run(run(config, tmp_path), tmp_path / "bodies")
    model = load_from(tmp_path / "bodies")
    average = read_checkpoint(tmp_path / "run" / "best.pt")["average"]
    assert all(torch.equal(tensor, average[name]) for name, tensor in model.network.state_dict().items())
    assert model.info.card == card
    assert (card.id, card.title, card.spacing, card.capture_range) == ("bodies", "Bodies", 8.0, 10.0)
    assert {measure.name for measure in card.results} == {"dice", "dice_before", "folded", "inverse_error"}
    assert json.loads(card.training)["steps"] == 2


def test_it_can_be_given_to_a_registration_by_its_file(config, tmp_path, people):
    export_run(run(config, tmp_path), tmp_path / "bodies")
    fixed, moving = (str(people.folder / f"p{n}.nii.gz") for n in (4, 5))
    weights = str(tmp_path / "bodies" / "model.safetensors")
    code = main(["register", fixed, moving, "-o", str(tmp_path / "out"), "--weights", weights, "--refine", "0"])
    assert code == 0
    record = json.loads((tmp_path / "out" / "result.json").read_text(encoding="utf-8"))
    assert record["weights_sha256"] == load_from(tmp_path / "bodies").info.weights_sha256


def test_the_texts_of_the_card_can_come_from_another_file(config, tmp_path):
    made = run(config, tmp_path, "")
    texts = config("texts", rest=CARD.replace("Bodies", "Better"))
    assert export_run(made, tmp_path / "bodies", texts).title == "Better"


def test_texts_are_read_where_the_data_of_their_run_is_not_at_hand(config, tmp_path):
    made = run(config, tmp_path, "")
    texts = tmp_path / "texts.toml"
    texts.write_text('run = "$NOWHERE/run"\n' + CARD.replace("Bodies", "Better"))
    assert export_run(made, tmp_path / "bodies", texts).title == "Better"


def test_a_run_whose_card_says_too_little_is_refused(config, tmp_path):
    with pytest.raises(InputError, match="title is empty"):
        export_run(run(config, tmp_path, ""), tmp_path / "bodies")
    assert not (tmp_path / "bodies").exists()


def test_a_folder_without_a_checkpoint_is_refused(tmp_path):
    with pytest.raises(InputError, match="was expected at"):
        export_run(tmp_path, tmp_path / "bodies")


def test_the_command_exports_and_tells(config, tmp_path, capsys):
    assert main(["export", str(run(config, tmp_path)), "-o", str(tmp_path / "bodies")]) == 0
    assert "bodies: Bodies" in capsys.readouterr().out
    assert main(["export", str(tmp_path), "-o", str(tmp_path / "other")]) == 2
