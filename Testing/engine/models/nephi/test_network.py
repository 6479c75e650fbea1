from dataclasses import replace

import pytest
import torch

from sitreg_engine.errors import InputError
from sitreg_engine.models.nephi.config import NePhiConfig
from sitreg_engine.models.nephi.coordinate_mlp import CoordinateMLP
from sitreg_engine.models.nephi.encoder import Encoder
from sitreg_engine.models.nephi.network import NePhi
from sitreg_engine.models.nephi.objective import gradicon
from sitreg_engine.models.weights_file import load_network, save_network


def parameters(module: torch.nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def test_the_maps_have_the_published_number_of_parameters():
    assert parameters(CoordinateMLP(NePhiConfig())) == 140_419
    assert CoordinateMLP(NePhiConfig()).frequencies.numel() == 384


@pytest.mark.parametrize(
    ("shape", "count"),
    [
        ((175, 175, 175), 2_986_136),
        ((128, 128, 128), 1_740_952),
        ((130, 155, 130), 2_986_136),
        ((160, 192, 224), 3_538_840),
        ((256, 256, 256), 3_538_840),
        ((350, 350, 350), 4_784_024),
    ],
)
def test_the_encoder_has_the_published_number_of_parameters(shape, count):
    with torch.device("meta"):
        assert parameters(Encoder(NePhiConfig(shape=shape, pooled=False))) == count


def test_pooling_changes_nothing_where_three_voxels_are_left():
    config = NePhiConfig(shape=(175, 175, 175))
    with torch.device("meta"):
        assert parameters(Encoder(config)) == 2_986_136


def test_codes_move_points_by_themselves_where_that_is_wanted(small, codes):
    mlp, latents = CoordinateMLP(replace(small, direct=True)), codes()
    with torch.no_grad():
        mlp.direct.weight[0, 1] = 0.5  # the first axis follows the second channel
    points = torch.rand(20, 3) * 2 - 1
    moved = mlp(points, latents)
    torch.testing.assert_close(moved[:, 0], 0.2 * 0.5 * latents.at(points)[:, 1])
    assert not moved[:, 1:].any()


@pytest.mark.parametrize("direct", [False, True])
def test_a_new_network_is_the_identity_both_ways(small, direct):
    found = NePhi(replace(small, direct=direct)).eval()(torch.rand(1, 1, 16, 12, 10), torch.rand(1, 1, 16, 12, 10))
    points = torch.rand(20, 3) * 2 - 1
    assert not found.f12.any() and not found.f21.any()
    assert torch.equal(found.maps.forward(points), points) and torch.equal(found.maps.backward(points), points)


def test_images_of_any_size_are_registered(network):
    for shape in ((16, 16, 16), (13, 18, 21)):
        found = network()(torch.rand(1, 1, *shape), torch.rand(1, 1, *shape))
        assert found.f12.shape == found.f21.shape == (1, 3, *shape) and bool(found.f12.isfinite().all())
        torch.testing.assert_close(found.halfway.forward(), found.f12, atol=1e-4, rtol=0)
        torch.testing.assert_close(found.halfway.inverse(), found.f21, atol=1e-4, rtol=0)


def test_pairs_come_one_by_one(network):
    with pytest.raises(ValueError, match="One pair at a time was expected, got 2"):
        network()(torch.rand(2, 1, 16, 16, 16), torch.rand(2, 1, 16, 16, 16))


def test_without_pooling_images_have_the_size_that_the_network_was_built_for(small, network):
    made = network(replace(small, pooled=False))
    assert made(torch.rand(1, 1, 16, 16, 16), torch.rand(1, 1, 16, 16, 16)).f12.shape == (1, 3, 16, 16, 16)
    with pytest.raises(InputError, match="16x16x16 voxels alone, got 16x16x12"):
        made(torch.rand(1, 1, 16, 16, 12), torch.rand(1, 1, 16, 16, 12))


def test_the_order_of_the_images_matters(network):
    one, other = torch.rand(2, 1, 1, 16, 16, 16)
    assert not torch.allclose(network()(one, other).f12, network()(other, one).f21)


def test_running_statistics_stay_in_training():
    encoder = NePhi(NePhiConfig(shape=(16, 16, 16), norm="batch", hidden=8, frequencies=4)).train().encoder
    before = {name: value.clone() for name, value in encoder.named_buffers()}
    encoder(torch.rand(1, 1, 16, 16, 16), torch.rand(1, 1, 16, 16, 16))
    assert all(torch.equal(value, before[name]) for name, value in encoder.named_buffers())


def test_gradient_consistency_reaches_the_encoder_the_codes_and_both_maps(network):
    made = network()
    maps = made(torch.rand(1, 1, 16, 16, 16), torch.rand(1, 1, 16, 16, 16)).maps
    maps.latents.local.retain_grad()
    gradicon(maps.forward, maps.backward, torch.rand(30, 3) * 2 - 1).backward()
    assert bool(maps.latents.local.grad.any())
    # The error's slope does not depend on a constant shift of the map that comes last.
    reached = {name: p.grad for name, p in made.named_parameters() if name != "back.output.bias"}
    assert all(gradient is not None and bool(gradient.any()) for gradient in reached.values())


def test_weights_go_through_a_file_bit_by_bit(network, tmp_path):
    made = network()
    save_network(made, tmp_path / "model.safetensors")
    read = load_network(NePhi, tmp_path / "model.safetensors")
    assert read.table() == made.table()
    assert all(torch.equal(a, b) for a, b in zip(read.state_dict().values(), made.state_dict().values(), strict=True))


def test_an_unknown_table_is_refused():
    with pytest.raises(InputError, match="unknown"):
        NePhi.from_table({"depth": 4})
