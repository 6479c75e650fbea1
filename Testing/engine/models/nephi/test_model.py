from dataclasses import replace

import pytest
import torch

from sitreg_engine.effort import Effort
from sitreg_engine.errors import InputError
from sitreg_engine.models.cards import Card
from sitreg_engine.models.halfway import HalfWay
from sitreg_engine.models.nephi.config import NePhiConfig
from sitreg_engine.models.nephi.model import NePhiModel, new_maps, with_residual
from sitreg_engine.models.protocol import ModelInfo
from sitreg_engine.models.weights_file import save_network

CPU = torch.device("cpu")


def test_without_weights_there_is_no_prediction(cubes):
    model = NePhiModel.load("", 0)
    assert model.info.weights == "" and model.predict(cubes.moving, cubes.fixed, CPU) is None


def test_without_weights_and_refinement_there_is_nothing(cubes, nothing):
    assert NePhiModel.load("", 0).optimise(cubes, None, Effort(0), CPU, nothing) is None


def test_the_pair_is_enough(cubes):
    told = []
    found = NePhiModel.load("", 0).optimise(cubes, None, Effort(8), CPU, lambda f, text: told.append(f))
    assert found.left.shape == (1, 3, 32, 32, 8) and found.left.abs().max() > 0.05
    assert found.left_inverse.abs().max() > 0.05 and not found.right.any() and not found.right_inverse.any()
    assert told == sorted(told) and told[0] >= 0 and told[-1] <= 1


def test_a_network_predicts_and_its_weights_stay_bit_by_bit(cubes, nothing, network, tmp_path):
    save_network(
        network(NePhiConfig(shape=(32, 32, 8), hidden=16, frequencies=8, norm="group")), tmp_path / "w.safetensors"
    )
    model = NePhiModel.load(str(tmp_path / "w.safetensors"), 0)
    before = {name: value.clone() for name, value in model.network.state_dict().items()}
    first = model.predict(cubes.moving, cubes.fixed, CPU)
    found = model.optimise(cubes, first, Effort(10), CPU, nothing)
    again = model.predict(cubes.moving, cubes.fixed, CPU)
    assert not torch.equal(found.left, first.left) and torch.equal(again.left, first.left)
    assert all(torch.equal(value, before[name]) for name, value in model.network.state_dict().items())


def test_refinement_off_keeps_the_prediction_and_tells_what_its_maps_leave_open(cubes, nothing, network):
    model = NePhiModel(NePhiModel.load("", 0).info, network())
    first = model.predict(cubes.moving, cubes.fixed, CPU)
    found = model.optimise(cubes, first, Effort(0), CPU, nothing)
    assert torch.equal(found.left, first.left) and torch.equal(found.left_inverse, first.left_inverse)
    assert "an approximation" in found.doubts[0]


def test_the_encoder_sees_voxels_of_the_size_that_its_card_tells(cubes, nothing, network):
    made = network(NePhiConfig(shape=(16, 16, 4), hidden=16, frequencies=8, norm="group", pooled=False))
    with pytest.raises(InputError, match="built for images of 16x16x4 voxels alone, got 32x32x8"):
        NePhiModel(ModelInfo("one", "One", "file", ""), made).optimise(cubes, None, Effort(1), CPU, nothing)
    told = dict.fromkeys(("title", "anatomy", "modality", "contrast", "licence", "data", "limits"), "told")
    card = Card("one", spacing=2.0, normalisation="robust_range", model="nephi", architecture={}, sha256="", **told)
    found = NePhiModel(ModelInfo("one", "One", "file", "", card), made).optimise(cubes, None, Effort(1), CPU, nothing)
    assert found.left.shape == (1, 3, 32, 32, 8) and found.left.abs().max() > 0


def test_the_optimisation_s_encoder_sees_nothing_beyond_the_views(cubes, nothing, network):
    model, half = NePhiModel(NePhiModel.load("", 0).info, network()), cubes.moving_inside.clone()
    half[:, :, 20:] = 0
    cut = replace(cubes, moving_inside=half)
    other = replace(cut, moving=torch.where(half > 0, cubes.moving, 7.0))
    starts = [model.optimise(pair, None, Effort(1), CPU, nothing) for pair in (cut, other)]
    torch.testing.assert_close(starts[0].left, starts[1].left, atol=0.05, rtol=0)


def test_groups_are_no_setting_of_it():
    with pytest.raises(InputError, match="SITReg checkpoints"):
        NePhiModel.load("", 2)


def test_an_effort_is_steps_or_seconds_of_the_whole_optimisation(network):
    alone = NePhiModel.load("", 0)
    assert alone.settings(Effort(7)).steps == 7 and alone.settings(Effort(0)).steps == 0
    assert 10 < alone.settings(Effort(seconds=20.0)).seconds < 20 and alone.settings(Effort(seconds=20.0)).steps > 1000


def test_with_weights_the_automatic_optimisation_is_shorter(network):
    alone = NePhiModel.load("", 0)
    led = NePhiModel(alone.info, network())
    assert alone.settings(Effort()).steps > 2 * led.settings(Effort()).steps > 0
    assert led.settings(Effort(7)).steps == 7


def test_new_maps_are_the_identity_and_always_the_same():
    one, other = (new_maps((20, 10, 40), CPU) for _ in range(2))
    points = torch.rand(9, 3) * 2 - 1
    assert torch.equal(one.forward(points), points) and torch.equal(one.backward(points), points)
    assert one.latents.local.shape == (32, 12, 6, 24) and torch.equal(one.latents.local, other.latents.local)
    assert torch.equal(one.ahead.first.weight, other.ahead.first.weight)


def test_how_far_the_maps_fail_to_undo_each_other_is_told_in_mm(cubes):
    forward = torch.zeros(1, 3, *cubes.grid.shape)
    backward, still = torch.zeros_like(forward), torch.zeros_like(forward)
    forward[:, 0], backward[:, 0] = 2.0, -1.5
    spacing = cubes.grid.spacing[0]
    found = with_residual(HalfWay(forward, still, backward, still), cubes)
    assert torch.equal(found.left, forward)
    assert f"{0.5 * spacing:.2f} mm on average" in found.doubts[0]
