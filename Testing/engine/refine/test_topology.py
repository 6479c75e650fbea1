"""Places that would fold are found, smoothed and left without folds; inverses stay exact."""

import pytest
import torch

from sitreg_engine.determinants import smallest_determinant
from sitreg_engine.mappings import compose
from sitreg_engine.models.halfway import HalfWay
from sitreg_engine.refine.inverses import TOLERANCE, exact_inverse
from sitreg_engine.refine.topology import calmed, damped, smoothed_at, sound, too_squeezed
from sitreg_engine.roughness import roughness_of

from .conftest import smooth

SHAPE = (24, 24, 24)


def squeezing() -> torch.Tensor:
    """A displacement that folds in the middle only, (1, 3, *SHAPE)."""
    u = 0.5 * smooth(3, 3, SHAPE, 8)
    u[0, 0, 11, 11:13, 11:13] += 1.6
    return u


def test_squeezed_places_are_found_and_only_they():
    where = too_squeezed(squeezing(), 0.0)
    assert bool(where.any())
    assert not bool(where[:, :, :8].any()) and not bool(too_squeezed(torch.zeros(1, 3, *SHAPE), 0.5).any())


def test_nan_counts_as_squeezed():
    u = torch.zeros(1, 3, *SHAPE)
    u[0, 0, 5, 5, 5] = float("nan")
    assert bool(too_squeezed(u, 0.0)[0, 0, 5, 5, 5])


def test_calming_changes_only_the_neighbourhood():
    u, where = squeezing(), too_squeezed(squeezing(), 0.0)
    calm = calmed(u, where)
    assert torch.equal(calm[:, :, :4], u[:, :, :4])
    assert float(smallest_determinant(calm[0]).min()) > float(smallest_determinant(u[0]).min())


def test_damping_takes_the_motion_away_where_it_is_asked_to():
    u, where = squeezing(), too_squeezed(squeezing(), 0.0)
    quiet = damped(u, where)
    assert float(quiet[where.expand_as(u)].abs().max()) == 0
    assert torch.equal(quiet[:, :, :4], u[:, :, :4])


def maps_from(left: torch.Tensor, right: torch.Tensor) -> HalfWay:
    return HalfWay(left, right, -left, -right)


def test_maps_that_fold_come_out_sound():
    found = sound(maps_from(squeezing(), -0.3 * smooth(4, 3, SHAPE, 8)), lambda: None)
    for whole in (found.forward(), found.inverse()):
        assert float(smallest_determinant(whole[0]).min()) > 0


def far_apart() -> torch.Tensor:
    u = squeezing()
    u[0, 1, 4:6, 16, 16] += 1.6
    return u


def at_the_edge() -> torch.Tensor:
    """Everything moves inwards by six voxels along the first axis, and folds at its first plane."""
    u = 0.2 * smooth(3, 3, SHAPE, 8)
    u[:, 0] += 6.0
    u[0, 0, :2, 11:13, 11:13] += torch.tensor([1.6, 0.0])[:, None, None]
    return u


def stretching() -> torch.Tensor:
    """Folds where the map stretches by four."""
    u = 0.2 * smooth(3, 3, SHAPE, 8)
    u[0, 0] += 3.0 * (torch.arange(24.0) - 9).clamp(0, 3)[:, None, None]
    u[0, 1, 11, 11:13, 11:13] += torch.tensor([[1.6, 1.6], [0.0, 0.0]])
    return u


@pytest.mark.parametrize("folding", [far_apart, at_the_edge, stretching])
def test_all_of_the_maps_is_sound_wherever_they_fold(folding):
    left = folding()
    assert bool(too_squeezed(left, 0.05).any())
    right = -0.3 * smooth(4, 3, SHAPE, 8)
    found = sound(HalfWay(left, right, exact_inverse(left, -left), exact_inverse(right, -right)), lambda: None)
    for half, inverse in ((found.left, found.left_inverse), (found.right, found.right_inverse)):
        assert float(compose(half, inverse).abs().max()) <= 1.5 * TOLERANCE
    for whole in (found.forward(), found.inverse()):
        assert not bool(too_squeezed(whole, 0.05).any())


def test_what_is_not_near_a_fold_is_not_smoothed():
    left = squeezing()
    found = sound(HalfWay(left, 0 * left, exact_inverse(left, -left), 0 * left), lambda: None)
    changed = (found.left != left).any(dim=1)
    assert 0 < int(changed.sum()) < 0.1 * changed.numel()


def test_sound_maps_are_left_alone():
    left, right = 0.5 * smooth(5, 3, SHAPE, 8), 0.5 * smooth(6, 3, SHAPE, 8)
    found = sound(maps_from(left, right), lambda: None)
    assert torch.equal(found.left, left) and torch.equal(found.right, right)


def test_smoothed_maps_have_exact_inverses_again():
    maps = maps_from(0.8 * smooth(5, 3, SHAPE, 8), 0.8 * smooth(6, 3, SHAPE, 8))
    where = torch.zeros(1, 1, *SHAPE, dtype=torch.bool)
    where[0, 0, 12, 12, 12] = True
    found = smoothed_at(maps, where)
    assert float(compose(found.left, found.left_inverse).abs().max()) <= 1.5 * TOLERANCE


def test_the_more_often_maps_are_smoothed_the_smoother_they_are():
    maps = maps_from(0.8 * smooth(5, 3, SHAPE, 4), 0.8 * smooth(6, 3, SHAPE, 4))
    where = torch.zeros(1, 1, *SHAPE, dtype=torch.bool)
    where[0, 0, 12, 12, 12] = True
    once, twice = smoothed_at(maps, where), smoothed_at(maps, where, 2)
    roughness = [float(roughness_of(found.left)) for found in (maps, once, twice)]
    assert roughness[0] > roughness[1] > roughness[2]
    assert torch.equal(twice.left[:, :, :6], maps.left[:, :, :6])


def test_an_inverse_is_exact_also_where_the_map_stretches_by_more_than_two():
    u = 6.0 * smooth(7, 3, SHAPE, 12)
    grown = u / float(u.diff(dim=2).abs().max()) * 1.2 * torch.tensor([1.0, 0.2, 0.2]).reshape(1, 3, 1, 1, 1)
    if float(smallest_determinant(grown[0]).min()) <= 0.05:
        grown = grown * 0.6
    v = exact_inverse(grown, -grown)
    residual = (v + (compose(grown, v) - v)).abs().amax(dim=1)
    assert float(residual.quantile(0.99)) <= TOLERANCE


def test_an_inverse_is_found_also_where_it_began_in_a_wrong_place():
    u = 0.6 * smooth(7, 3, SHAPE, 12)
    astray = exact_inverse(u, -u)
    astray[0, 0, 12, 12, 12] += 40.0
    assert float(compose(u, exact_inverse(u, astray)).abs().max()) <= 1.5 * TOLERANCE
