"""S-Net as a model: its weights, its prediction, and what it says when that had to be changed."""

import numpy as np
import pytest
import torch

from sitreg_engine.errors import InputError
from sitreg_engine.geometry import Grid
from sitreg_engine.models.halfway import DoubtedHalfWay, HalfWay
from sitreg_engine.models.snet.config import SNetConfig
from sitreg_engine.models.snet.contraction import largest_slope
from sitreg_engine.models.snet.model import SNetModel
from sitreg_engine.models.snet.network import SNet
from sitreg_engine.models.weights_file import save_network
from sitreg_engine.predict import predict
from sitreg_engine.prepare import Pair

CPU = torch.device("cpu")


def model(folder, gain: float, bias: float = 0.0) -> SNetModel:
    torch.manual_seed(0)
    network = SNet(SNetConfig((4, 6), (6, 6), (4,)))
    with torch.no_grad():
        network.flow.weight *= gain
        network.flow.bias += bias
    save_network(network, folder / "model.safetensors")
    return SNetModel.load(str(folder / "model.safetensors"), 0)


def images() -> tuple[torch.Tensor, torch.Tensor]:
    return tuple(torch.rand(2, 1, 1, 16, 14, 12, generator=torch.Generator().manual_seed(1)))


def test_a_gentle_prediction_leaves_no_doubt(tmp_path):
    maps = model(tmp_path, 1e3).predict(*images(), CPU)
    assert type(maps) is HalfWay
    assert maps.doubts == ()


def test_a_field_that_was_scaled_is_said_to_be(tmp_path):
    maps = model(tmp_path, 1e7).predict(*images(), CPU)
    assert isinstance(maps, DoubtedHalfWay)
    assert float(largest_slope(maps.right)) == pytest.approx(0.95, rel=1e-4)
    (doubt,) = maps.doubts
    assert "too steep" in doubt and "%" in doubt


def test_maps_that_could_not_be_inverted_are_said_to_be(tmp_path):
    moving, fixed = images()
    found = model(tmp_path, 1.0).predict(moving, fixed * torch.nan, CPU)
    assert any("could not be inverted" in doubt for doubt in found.doubts)


def test_doubts_reach_those_who_register(tmp_path):
    moving, fixed = images()
    grid = Grid((16, 14, 12), (2.0, 2.0, 2.0), (0.0, 0.0, 0.0), (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0))
    seen = torch.ones_like(moving)
    pair = Pair(moving, fixed, None, None, seen, seen, grid, np.eye(4), np.eye(4))
    found = predict(model(tmp_path, 1e7), pair, lambda spacing: pair, CPU)
    assert any("too steep" in doubt for doubt in found.doubts)
    assert predict(model(tmp_path, 1e3), pair, lambda spacing: pair, CPU).doubts == []


def test_it_moves_the_moving_image_to_the_fixed_one_and_not_the_other_way(tmp_path):
    """image 1 is the subject: the way from the half-way space to it is id - u."""
    maps = model(tmp_path, 1.0, bias=0.5).predict(*images(), CPU)
    assert torch.allclose(maps.left, torch.full_like(maps.left, -0.5), atol=1e-2)
    assert torch.allclose(maps.forward(), torch.full_like(maps.left, -1.0), atol=2e-2)


def test_groups_are_no_setting_of_it(tmp_path):
    path = tmp_path / "model.safetensors"
    model(tmp_path, 1.0)
    with pytest.raises(InputError, match="groups"):
        SNetModel.load(str(path), 2)


def test_without_a_file_its_default_weights_are_taken():
    assert SNetModel.load("", 0).info.card.id == SNetModel.default


def test_without_installed_weights_it_says_what_is_missing():
    class Elsewhere(SNetModel):
        default = "not-there"

    with pytest.raises(InputError, match="needs weights and none are installed"):
        Elsewhere.load("", 0)
