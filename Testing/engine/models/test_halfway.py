"""Half-way maps as such, whichever model found them."""

import torch

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
