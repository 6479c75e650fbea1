"""Learning to look again: pairs are what the network's own first look leaves of them."""

import csv
import math

import pytest
import torch
from torch import nn

from sitreg_engine.errors import InputError
from sitreg_engine.mappings import warp
from sitreg_engine.models.halfway import HalfWay, Registration
from sitreg_engine.training.command import run_training
from sitreg_engine.training.config_file import read_settings
from sitreg_engine.training.networks import build_network
from sitreg_engine.training.sampler import make_sampler
from sitreg_engine.training.second_look import left_by_first_look
from sitreg_engine.training.views import Group, View

SHAPE = (32, 64, 48)
SEED = (1, 2, 3)


class Shift(nn.Module):
    """Moves the first image by 1 voxel along the first axis and the second one back, as large as it sees voxels."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))
        self.seen = []

    def forward(self, one, two):
        self.seen.append((tuple(one.shape[2:]), self.training))
        u = torch.zeros(1, 3, *one.shape[2:])
        u[:, 0] = self.weight
        return Registration(HalfWay(u, -u, -u, u))


def pair() -> Group:
    generator = torch.Generator().manual_seed(1)
    image = torch.rand(1, 1, *SHAPE, generator=generator)
    labels = torch.arange(SHAPE[0], dtype=torch.int32)[:, None, None].expand(SHAPE)[None, None]
    return Group(
        (View(image, image + 1, torch.ones_like(image), labels, image), View(image, image, image, None, None)), 2.0
    )


def test_the_pair_is_as_the_network_brings_it_together_with_voxels_twice_as_large():
    network, given = Shift(), pair()
    found = left_by_first_look(network, given, SEED)
    assert network.seen[0][0] == (16, 32, 24)
    u = torch.zeros(1, 3, *SHAPE)
    u[:, 0] = 2.0
    first, second = given.views
    wanted = [warp(first.image, u), warp(first.target, u), warp(first.seen, u), warp(second.image, -u)]
    got = [found.views[0].image, found.views[0].target, found.views[0].seen, found.views[1].image]
    [place] = [p for p in places() if torch.allclose(wanted[0][(..., *p)], got[0], atol=1e-5)]
    for one, other in zip(wanted, got, strict=True):
        assert torch.allclose(one[(..., *place)], other, atol=1e-5)
    assert found.spacing == 2.0


def places() -> list[tuple[slice, ...]]:
    """All boxes of half the sides, in multiples of 16 voxels."""
    sizes = (16, 32, 32)
    starts = torch.cartesian_prod(*(torch.arange(n - size + 1) for n, size in zip(SHAPE, sizes, strict=True)))
    return [tuple(slice(a, a + size) for a, size in zip(start, sizes, strict=True)) for start in starts.tolist()]


def test_labels_stay_whole_numbers_and_move_along():
    found = left_by_first_look(Shift(), pair(), SEED)
    labels = found.views[0].labels[0, 0, :, 0, 0]
    assert labels.dtype == torch.int32
    assert set(labels.diff().tolist()) <= {0, 1}
    assert found.views[1].labels is None and found.views[1].mask is None


def test_the_box_is_the_same_for_the_same_seed_and_another_for_others():
    def box(seed: int) -> torch.Tensor:
        return left_by_first_look(Shift(), pair(), (seed,)).views[0].image

    assert torch.equal(box(1), box(1))
    assert len({float(box(seed).sum()) for seed in range(5)}) > 2


def test_no_gradient_comes_from_the_first_look_and_its_random_draws_are_off():
    network = Shift().train()
    found = left_by_first_look(network, pair(), SEED)
    assert not found.views[0].image.requires_grad
    assert network.seen == [((16, 32, 24), False)]
    assert network.training


def test_a_new_network_leaves_the_pair_as_it_is():
    network = build_network("sitreg", {"features": [4, 4], "update_features": [4, 4], "groups": 2}, 1)
    found, given = left_by_first_look(network, pair(), SEED), pair()
    assert any(torch.allclose(given.views[0].image[(..., *p)], found.views[0].image, atol=0.05) for p in places())


@pytest.mark.parametrize(("share", "spacing"), [(1.0, 4.0), (0.0, 8.0)])
def test_such_pairs_are_drawn_at_half_the_spacing(config, share, spacing):
    sampler = make_sampler(read_settings(config(augment=f"second_look = {share}")), lambda _: None)
    assert sampler.draw(0, 0).spacing == spacing


def test_training_goes_through_both_looks(config, tmp_path):
    assert run_training(str(config(steps=4, augment="second_look = 0.5")), None, 0, lambda _: None) == 0
    with open(tmp_path / "run" / "log.csv", newline="", encoding="utf-8") as file:
        losses = [float(line["loss"]) for line in csv.DictReader(file)]
    assert len(losses) == 4 and all(map(math.isfinite, losses))


def test_a_second_look_at_triplets_is_refused(config):
    with pytest.raises(InputError, match="group = 2"):
        make_sampler(read_settings(config(top="group = 3", augment="second_look = 0.5")), lambda _: None)
