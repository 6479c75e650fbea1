"""Half-way maps as such, whichever model found them."""

import torch

from sitreg_engine.mappings import compose
from sitreg_engine.models.halfway import DoubtedHalfWay, HalfWay

NAMES = ("left", "right", "left_inverse", "right_inverse")


def fields(seed: int = 0) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(1, 3, 4, 5, 6, generator=generator) for _ in NAMES]


def test_each_of_the_four_maps_is_changed_and_keeps_its_place():
    given = fields()
    found = HalfWay(*given).each(lambda u: 2 * u)
    for name, u in zip(NAMES, given, strict=True):
        assert torch.equal(getattr(found, name), 2 * u)


def test_doubts_about_maps_are_not_doubts_about_what_is_made_of_them():
    found = DoubtedHalfWay(*fields(), doubts=("steep",)).each(lambda u: u)
    assert type(found) is HalfWay
    assert found.doubts == ()


def test_maps_with_no_motion_lead_nowhere():
    still = HalfWay(*(torch.zeros(1, 3, 4, 4, 4) for _ in NAMES))
    assert not still.forward().any()
    assert not still.inverse().any()


def test_swapping_the_halves_swaps_the_directions():
    left, right, left_inverse, right_inverse = fields()
    maps = HalfWay(left, right, left_inverse, right_inverse)
    swapped = HalfWay(right, left, right_inverse, left_inverse)
    assert torch.equal(maps.forward(), swapped.inverse())
    assert torch.equal(maps.inverse(), swapped.forward())


def smooth(seed: int) -> list[torch.Tensor]:
    """Maps that hardly move: their composition is what it would be with exact interpolation."""
    return [0.1 * torch.nn.functional.avg_pool3d(u, 3, 1, 1) for u in fields(seed)]


def test_maps_followed_by_a_rest_go_through_the_rest_first():
    given, rest = smooth(1), smooth(2)
    found = HalfWay(*given).followed_by(HalfWay(*rest))
    assert torch.equal(found.left, compose(given[0], rest[0]))
    assert torch.equal(found.right, compose(given[1], rest[1]))
    assert torch.equal(found.left_inverse, compose(rest[2], given[2]))
    assert torch.equal(found.right_inverse, compose(rest[3], given[3]))


def test_no_rest_leaves_the_maps_as_they_are():
    given = smooth(1)
    found = HalfWay(*given).followed_by(HalfWay(*(torch.zeros(1, 3, 4, 5, 6) for _ in NAMES)))
    for name, u in zip(NAMES, given, strict=True):
        assert torch.allclose(getattr(found, name), u, atol=1e-6)


def test_what_speaks_against_the_rest_speaks_against_the_whole():
    maps = HalfWay(*smooth(1))
    assert maps.followed_by(DoubtedHalfWay(*smooth(2), doubts=("steep",))).doubts == ("steep",)
    assert maps.followed_by(HalfWay(*smooth(2))).doubts == ()
