"""Losses that look at random points of maps that are functions."""

from dataclasses import replace

import pytest
import torch

from sitreg_engine.errors import InputError
from sitreg_engine.models.halfway import HalfWay, Registration
from sitreg_engine.training.losses import LOSSES
from sitreg_engine.training.networks import build_network
from sitreg_engine.training.scored import Pairing, Scored
from sitreg_engine.training.settings import LossSettings
from sitreg_engine.training.views import Group, View

TABLE = {"shape": [16, 16, 16], "overall_codes": 4, "local_codes": 4, "hidden": 8, "frequencies": 4, "norm": "group"}
SAMPLED = ["sampled_ncc", "sampled_contrast_ncc", "gradicon", "latent_prior"]


def view(seed: int) -> View:
    noise = torch.rand(1, 1, 20, 20, 20, generator=torch.Generator().manual_seed(seed))
    image = torch.nn.functional.avg_pool3d(noise, 5, stride=1)
    return View(image, image, torch.ones_like(image), None, None)


def scored(network: torch.nn.Module, seed: tuple[int, ...] = (1, 2, 3)) -> Scored:
    one, two = view(1), view(2)
    return Scored(Group((one, two), 4.0), [Pairing(0, 1, one, two, network(one.image, two.image))], seed)


@pytest.fixture
def network() -> torch.nn.Module:
    made = build_network("nephi", TABLE, 1)
    for mlp in (made.ahead, made.back):
        torch.nn.init.normal_(mlp.output.weight, std=0.01)
    return made


def value(name: str, given: Scored, points: int = 300) -> torch.Tensor:
    return LOSSES[name](given, LossSettings(name, points=points, window=5))


def test_a_new_network_is_consistent_and_images_differ():
    given = scored(build_network("nephi", TABLE, 1))
    assert value("gradicon", given).item() == 0
    assert 0.1 < value("sampled_ncc", given).item() < 2 and 0.1 < value("sampled_contrast_ncc", given).item() < 2


@pytest.mark.parametrize("name", SAMPLED)
def test_every_sampled_loss_has_gradients(network, name):
    value(name, scored(network)).backward()
    assert any(p.grad is not None and bool(p.grad.any()) for p in network.encoder.parameters())


@pytest.mark.parametrize("name", SAMPLED[:3])
def test_points_follow_from_the_seed_alone(network, name):
    same = [float(value(name, scored(network)).detach()) for _ in range(2)]
    assert same[0] == same[1] != float(value(name, scored(network, (1, 2, 4))).detach())


def test_without_a_number_the_published_one_is_taken(network):
    given = scored(network)
    maps, counts = given.pairings[0].registration.maps, []
    maps.ahead.register_forward_hook(lambda _, inputs, __: counts.append(len(inputs[0])))
    value("sampled_ncc", given, points=0)
    value("gradicon", given, points=0)
    assert counts == [round(0.02 * 16**3), 10, 10]


def lesson(network: torch.nn.Module, shift: float) -> Scored:
    """The same with a teacher that moves everything by `shift` voxels along the last axis, and back."""
    given, field = scored(network), torch.zeros(1, 3, 16, 16, 16)
    field[:, 2] = shift
    return replace(given, group=replace(given.group, taught=(field, -field)))


def test_the_distance_to_a_teacher_is_in_voxels_squared():
    still = build_network("nephi", TABLE, 1)
    assert value("taught", lesson(still, 0.0)).item() == 0
    assert value("taught", lesson(still, 1.5)).item() == pytest.approx(1.5**2, rel=1e-5)


def test_a_network_that_finds_the_teachers_maps_is_not_far_from_them(network):
    given = scored(network)
    found = given.pairings[0].registration
    as_found = replace(given, group=replace(given.group, taught=(found.f12.detach(), found.f21.detach())))
    swapped = replace(given, group=replace(given.group, taught=(found.f21.detach(), found.f12.detach())))
    assert 2 * value("taught", as_found).item() < value("taught", swapped).item()


def test_what_a_teacher_finds_has_gradients(network):
    value("taught", lesson(network, 1.0)).backward()
    for part in (network.encoder, network.ahead, network.back):
        assert any(p.grad is not None and bool(p.grad.any()) for p in part.parameters())


@pytest.mark.parametrize("name", SAMPLED)
def test_maps_on_a_grid_are_refused(name):
    one, field = view(1), torch.zeros(1, 3, 16, 16, 16)
    pairing = Pairing(0, 1, one, one, Registration(HalfWay(field, field, field, field)))
    with pytest.raises(InputError, match="nephi"):
        value(name, Scored(Group((one, one), 4.0), [pairing]))
