"""Instance optimisation finds a known motion, within its bound and in symmetry."""

import dataclasses

import pytest
import torch

from sitreg_engine.determinants import smallest_determinant
from sitreg_engine.mappings import compose
from sitreg_engine.refine.instance import Views, nothing_moved, on_shape, optimise
from sitreg_engine.refine.schedule import Level, Schedule

SCHEDULE = Schedule((Level(2, 2, 3, 10, 0.1), Level(1, 2, 3, 10, 0.1)))


def silent(*_):
    pass


@pytest.fixture(scope="session")
def found(views):
    return optimise(views, SCHEDULE, silent)


def test_the_motion_between_two_images_is_found(found, true_displacement):
    inner = (slice(None), slice(None), *(slice(6, -6),) * 3)
    moved = compose(found.left, found.right_inverse)  # from the fixed to the moving image: twice the half
    # the images are x -> x -/+ u: their distance is 2 u as far as u varies slowly
    error = (moved - 2 * true_displacement)[inner].norm(dim=1)
    before = (2 * true_displacement)[inner].norm(dim=1)
    assert float(error.mean()) < 0.35 * float(before.mean())


def test_every_map_is_without_folds(found):
    assert all(float(smallest_determinant(u[0]).min()) > 0 for u in vars(found).values())


def test_the_inverses_undo_the_maps(found):
    inner = (slice(None), slice(None), *(slice(5, -5),) * 3)
    assert float(compose(found.left, found.left_inverse)[inner].abs().mean()) < 0.02


def test_swapping_the_images_swaps_the_maps(found, views):
    swapped = optimise(
        Views(views.fixed, views.moving, views.fixed_seen, views.moving_seen, None, None), SCHEDULE, silent
    )
    assert torch.allclose(swapped.left, found.right, atol=1e-4)
    assert torch.allclose(swapped.right_inverse, found.left_inverse, atol=1e-4)


def test_two_runs_agree_bit_by_bit(found, views):
    again = optimise(views, SCHEDULE, silent)
    assert all(torch.equal(a, b) for a, b in zip(vars(found).values(), vars(again).values(), strict=True))


def test_an_image_and_itself_stay_where_they_are(views):
    found = optimise(dataclasses.replace(views, moving=views.fixed), SCHEDULE, silent)
    assert float(found.left.abs().max()) < 1e-3


def test_nothing_moves_where_nothing_shall_agree(views):
    nowhere = torch.zeros_like(views.fixed_seen)
    found = optimise(dataclasses.replace(views, moving_mask=nowhere, fixed_mask=nowhere), SCHEDULE, silent)
    assert float(found.left.abs().max()) == 0


def test_it_can_be_stopped_at_any_step(views):
    calls = []

    def stop_at_third(*_):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        optimise(views, SCHEDULE, stop_at_third)


def test_maps_on_a_finer_grid_move_the_same_places(views):
    like = views.moving
    coarse = nothing_moved((8, 8, 8), like)
    shifted = dataclasses.replace(coarse, left=coarse.left + 1.5)
    fine = on_shape(shifted, (32, 32, 32), like)
    assert torch.allclose(fine.left, torch.full_like(fine.left, 6.0), atol=1e-5)
