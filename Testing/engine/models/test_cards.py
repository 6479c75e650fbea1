"""Model cards: what is written is read back; what people must be told may not be missing."""

import dataclasses
import json

import pytest

from sitreg_engine.contract import Measure
from sitreg_engine.errors import InputError
from sitreg_engine.models.cards import CARD, Card, read_card, write_card
from sitreg_engine.models.familiar import Familiar
from sitreg_engine.models.shelf import shelf_folder, shelved

CARD_1 = Card(
    id="brain-t1",
    title="Brain, T1",
    anatomy="brain",
    modality="MR",
    contrast="T1-weighted",
    spacing=2.0,
    normalisation="robust_range",
    model="sitreg",
    architecture={"features": [4, 4], "groups": 2},
    licence="CC BY-SA 3.0",
    data="IXI",
    limits="Nothing but heads.",
    sha256="0f" * 32,
    results=(Measure("dice", "Mean Dice", 0.75, ""),),
)


def placed(folder, card: Card = CARD_1):
    folder = folder / card.id
    folder.mkdir()
    write_card(card, folder)
    return folder


def test_a_card_that_was_written_is_read_back(tmp_path):
    assert read_card(placed(tmp_path)) == CARD_1


def test_a_card_remembers_what_the_training_images_looked_like(tmp_path):
    card = dataclasses.replace(CARD_1, familiar=Familiar((150.0, 260.0), ((0.1, 0.2),) * 5))
    assert read_card(placed(tmp_path, card)) == card


def test_the_panel_finds_the_id_and_the_title(tmp_path):
    content = json.loads((placed(tmp_path) / CARD).read_text(encoding="utf-8"))
    assert (content["id"], content["title"]) == ("brain-t1", "Brain, T1")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"id": "Brain T1"}, "id must be small letters"),
        ({"id": "../brain"}, "id must be small letters"),
        ({"title": " "}, "title is empty"),
        ({"licence": ""}, "licence is empty"),
        ({"data": ""}, "data is empty"),
        ({"limits": ""}, "limits is empty"),
        ({"spacing": 0.0}, "spacing must be a positive number"),
        ({"spacing": float("nan")}, "spacing must be a positive number"),
        ({"capture_range": -1.0}, "capture_range must be"),
        ({"normalisation": "none"}, "normalisation must be one of robust_range"),
        ({"sha256": "abc"}, "sha256 must be 64"),
        ({"any_size": True}, "any_size needs familiar"),
        ({"any_size": True, "familiar": Familiar((-2.0, 0.0), ((0.1, 0.2),) * 5)}, "any_size needs familiar"),
    ],
)
def test_an_unsound_card_is_not_written(tmp_path, changes, reason):
    with pytest.raises(InputError, match=reason):
        write_card(dataclasses.replace(CARD_1, **changes), tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda card: card.pop("licence"), "missing or unknown entries: licence"),
        (lambda card: card.update(mood="good"), "missing or unknown entries: mood"),
        (lambda card: card.update(spacing="2"), "spacing must be of type float"),
        (lambda card: card.update(architecture=[1]), "architecture must be of type dict"),
        (lambda card: card.update(results=[{"dice": 1}]), "results must be a list of measures"),
        (lambda card: card.update(familiar={"side": 1}), r"card\.json: familiar must hold ranges"),
        (lambda card: card.update(id="other"), "its folder is 'brain-t1'"),
    ],
)
def test_a_card_that_somebody_changed_is_refused(tmp_path, change, reason):
    folder = placed(tmp_path)
    content = json.loads((folder / CARD).read_text(encoding="utf-8"))
    change(content)
    (folder / CARD).write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(InputError, match=reason):
        read_card(folder)


@pytest.mark.parametrize("text", ["", "[]", "{", "\ufeff1"])
def test_what_is_no_card_is_refused(tmp_path, text):
    (tmp_path / CARD).write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="model card"):
        read_card(tmp_path)


def test_one_damaged_model_does_not_take_the_others_away(tmp_path):
    placed(tmp_path)
    placed(tmp_path, dataclasses.replace(CARD_1, id="other"))
    (tmp_path / "other" / CARD).write_text("damaged", encoding="utf-8")
    assert [card.id for card in shelved(tmp_path)] == ["brain-t1"]


def test_an_empty_shelf_has_no_models(tmp_path):
    assert shelved(tmp_path / "none") == []


def test_the_shelf_is_in_the_resources():
    assert shelf_folder().parts[-2:] == ("Resources", "Models")


@pytest.mark.parametrize("card", shelved(), ids=lambda card: card.id)
def test_every_model_that_comes_along_can_be_loaded(card):
    from sitreg_engine.models import load_model

    assert load_model(card.id).info.card == card
