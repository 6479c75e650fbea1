import numpy as np
import pytest
import torch

from sitreg_engine.effort import Effort
from sitreg_engine.mappings import compose
from sitreg_engine.models import load_model
from sitreg_engine.models.halfway import HalfWay
from sitreg_engine.models.nephi.model import NePhiModel
from sitreg_engine.models.nephi.multiresolution import MultiResolutionNePhi, joined, pooled

CPU = torch.device("cpu")


def shift(voxels: tuple[float, float, float]) -> HalfWay:
    ahead = torch.tensor(voxels)[None, :, None, None, None].expand(1, 3, 6, 6, 6).contiguous()
    return HalfWay(ahead, torch.zeros_like(ahead), -ahead, torch.zeros_like(ahead))


def test_two_maps_become_one_and_its_inverse():
    found = joined(shift((1.0, 0.0, 2.0)), shift((0.5, -1.0, 0.0)))
    torch.testing.assert_close(found.left[0, :, 3, 3, 3], torch.tensor([1.5, -1.0, 2.0]))
    assert compose(found.left, found.left_inverse).abs().max() < 1e-6


def test_a_pooled_pair_covers_the_same_box(cubes):
    small = pooled(cubes, 4)
    assert small.fixed.shape == (1, 1, 8, 8, 2) and small.grid.shape == (8, 8, 2) and small.grid.spacing == (4, 4, 4)
    np.testing.assert_allclose(small.grid.corners(), cubes.grid.corners())
    assert float(small.fixed.mean()) == pytest.approx(float(cubes.fixed.mean()), abs=1e-5)


@pytest.mark.parametrize("aligner", [NePhiModel.load("", 0), load_model("sitreg")], ids=["nephi", "sitreg"])
def test_nephi_goes_on_from_any_coarse_aligner(cubes, aligner):
    told = []
    model = MultiResolutionNePhi(aligner, NePhiModel.load("", 0), factor=2)
    found = model.optimise(cubes, None, Effort(3), CPU, lambda fraction, _: told.append(fraction))
    assert found.left.shape == (1, 3, 32, 32, 8)
    assert bool(found.left.isfinite().all()) and found.left.abs().max() > 0.01
    assert not found.right.any() and told == sorted(told) and told[-1] <= 1


def test_networks_predict_one_after_the_other(cubes, nothing, network):
    trained = NePhiModel(NePhiModel.load("", 0).info, network())
    model = MultiResolutionNePhi(trained, trained, factor=2)
    found = model.predict(cubes.moving, cubes.fixed, CPU)
    assert found.left.shape == (1, 3, 32, 32, 8) and found.left.abs().max() > 0
    kept = model.optimise(cubes, found, Effort(0), CPU, nothing)
    assert torch.equal(kept.left, found.left) and "an approximation" in kept.doubts[0]


def test_without_a_prediction_of_the_aligner_the_fine_network_predicts_alone(cubes, network):
    fine = NePhiModel(NePhiModel.load("", 0).info, network())
    found = MultiResolutionNePhi(NePhiModel.load("", 0), fine).predict(cubes.moving, cubes.fixed, CPU)
    assert torch.equal(found.left, fine.predict(cubes.moving, cubes.fixed, CPU).left)


def test_without_weights_there_is_nothing_to_predict(cubes):
    model = MultiResolutionNePhi.load("", 0)
    assert model.predict(cubes.moving, cubes.fixed, CPU) is None
    assert model.info.weights == "" and model.info.title == "NePhi, coarse to fine"
