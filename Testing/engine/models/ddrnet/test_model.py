"""DDR-Net as a user's choice: its weights, its card, and what it predicts."""

import pytest
import torch

from sitreg_engine.errors import InputError
from sitreg_engine.mappings import compose
from sitreg_engine.models import MODELS, load_from, load_model
from sitreg_engine.models.cards import Card
from sitreg_engine.models.ddrnet.model import DDRNetModel
from sitreg_engine.models.placing import NOT_YET, place
from sitreg_engine.models.weights_file import save_network

CPU = torch.device("cpu")


def pair(shape=(20, 17, 24)):
    generator = torch.Generator().manual_seed(2)
    return tuple(torch.rand(1, 1, *shape, generator=generator) for _ in range(2))


def card(network) -> Card:
    texts = dict.fromkeys(("title", "anatomy", "modality", "contrast", "licence", "data", "limits"), "told")
    return Card(
        id="my-ddrnet",
        spacing=4.0,
        normalisation="robust_range",
        model="ddrnet",
        architecture=network.table(),
        sha256=NOT_YET,
        **texts,
    )


def test_it_is_one_of_the_models():
    assert MODELS["ddrnet"] is DDRNetModel


def test_weights_of_a_file_predict_what_the_network_does(network, tmp_path):
    made = network()
    save_network(made, tmp_path / "some.safetensors")
    model = load_model("ddrnet", str(tmp_path / "some.safetensors"))
    with torch.no_grad():
        expected = made(*pair()).halfway
    found = model.predict(*pair(), CPU)
    tolerance = 1e-5 if model.precision(CPU) == "float32" else 0.1
    assert (found.forward() - expected.forward()).abs().max() < tolerance
    assert expected.forward().abs().max() > 0.05


def test_both_directions_are_each_others_inverse(network, tmp_path):
    save_network(network(), tmp_path / "some.safetensors")
    found = load_model("ddrnet", str(tmp_path / "some.safetensors")).predict(*pair(), CPU)
    moved = found.forward().norm(dim=1).mean()
    assert compose(found.forward(), found.inverse()).norm(dim=1).mean() < 0.25 * moved


def test_a_folder_with_a_card_is_a_model(network, tmp_path):
    made = network()
    place(made, card(made), tmp_path / "my-ddrnet")
    model = load_from(tmp_path / "my-ddrnet")
    assert (model.info.title, model.network.table()) == ("told", made.table())


def test_without_a_file_its_default_weights_are_taken():
    assert load_model("ddrnet").info.card.id == DDRNetModel.default


def test_a_number_of_groups_is_refused():
    with pytest.raises(InputError, match="DDR-Net has none"):
        load_model("ddrnet", groups=2)
