"""Instance optimisation finds a known motion, within its bound and in symmetry."""

import dataclasses

import pytest
import torch

from sitreg_engine.determinants import smallest_determinant
from sitreg_engine.mappings import compose
from sitreg_engine.models.halfway import HalfWay
from sitreg_engine.refine.budget import Budget
from sitreg_engine.refine.instance import nothing_moved, on_shape, optimise, pooled
from sitreg_engine.refine.rounds import State
from sitreg_engine.refine.schedule import Level, Schedule
from sitreg_engine.refine.views import Views

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
    assert torch.equal(swapped.left, found.right) and torch.equal(swapped.right_inverse, found.left_inverse)


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


def loss(views: Views, maps: HalfWay, level: Level = SCHEDULE.levels[-1]) -> float:
    return State.of(views, maps, level, SCHEDULE.window).loss


def test_the_images_agree_better_than_before(found, views):
    assert loss(views, found) < loss(views, nothing_moved(views.shape, views.moving)) - 0.05


def test_a_round_that_makes_things_worse_is_not_kept(views):
    wild = Schedule((Level(1, 2, 1, 1, smoothness=1e6),), learning_rate=5.0)
    assert float(optimise(views, wild, silent).left.abs().max()) == 0


def test_what_only_coarse_levels_like_is_not_kept(views):
    # At the coarse level both images are smooth blobs; at the fine one, with as many details as voxels, any motion
    # that does not fit is worse than none.
    generator = torch.Generator().manual_seed(5)
    details = torch.rand(1, 1, *views.shape, generator=generator)
    mixed = dataclasses.replace(views, moving=0.1 * views.moving + details, fixed=0.1 * views.fixed + details)
    schedule = Schedule((Level(2, 2, 2, 10, 0.01), Level(1, 2, 1, 1, 1e6)), learning_rate=0.2)
    found = optimise(mixed, schedule, silent)
    assert loss(mixed, found) <= loss(mixed, nothing_moved(views.shape, views.moving))


def test_more_rounds_never_end_worse(views):
    ends = [optimise(views, Schedule((Level(1, 2, rounds, 4, 0.1),)), silent) for rounds in (1, 2, 4, 8)]
    objectives = [State.of(views, maps, Level(1, 2, 1, 4, 0.1), 5).objective for maps in ends]
    assert objectives == sorted(objectives, reverse=True)


def test_a_prediction_that_is_better_than_what_coarse_levels_find_is_gone_on_from(found, views):
    short = Schedule((Level(2, 2, 1, 1, 0.1), Level(1, 2, 1, 2, 0.1)))
    better = optimise(views, short, silent, predicted=found)
    assert loss(views, better) <= loss(views, found) < loss(views, optimise(views, short, silent))


def test_a_prediction_keeps_its_details_where_no_time_is_left_for_the_finest_level(views):
    good = optimise(views, Schedule((*SCHEDULE.levels, Level(1, 2, 6, 10, 0.1))), silent)
    coarse = Schedule((Level(4, 2, 1, 1, 0.1),))
    assert optimise(views, coarse, silent, predicted=good) is good
    poor = nothing_moved(views.shape, views.moving)
    longer = Schedule((Level(4, 2, 4, 10, 0.1),))
    assert optimise(views, longer, silent, predicted=poor) is not poor


def test_a_prediction_that_is_worse_than_no_motion_changes_nothing(found, views):
    away = torch.full_like(found.left, 3.0)
    wrong = HalfWay(away, -away, -away, away)
    after = optimise(views, SCHEDULE, silent, predicted=wrong)
    assert all(torch.equal(a, b) for a, b in zip(vars(found).values(), vars(after).values(), strict=True))


def test_images_in_one_contrast_lead_the_way_and_the_end_is_found_on_the_images_as_they_are(views):
    # What is bright and what is dark is one in this contrast: by itself it cannot tell which edge is which.
    other = dataclasses.replace(views, moving=(views.moving.abs() - 0.4).abs())
    alone, led = (optimise(other, SCHEDULE, silent, alike=alike) for alike in (None, views))
    assert loss(views, led) < loss(views, alone) - 0.02
    first = Schedule(SCHEDULE.levels[:1])
    assert not torch.equal(on_shape(optimise(views, first, silent), views.shape, views.moving).left, led.left)


def test_a_single_level_sees_the_images_in_one_contrast(views):
    single, other = Schedule(SCHEDULE.levels[1:]), dataclasses.replace(views, moving=1 - views.moving**2)
    expected, led = optimise(views, single, silent), optimise(other, single, silent, alike=views)
    assert torch.equal(expected.left, led.left)


def test_without_time_the_prediction_stays_as_it_is(found, views):
    assert optimise(views, Schedule(()), silent, predicted=found) is found
    assert float(optimise(views, Schedule(()), silent).left.abs().max()) == 0


def test_time_that_is_over_leaves_valid_maps_of_what_was_done(views):
    endless = Schedule((Level(2, 2, 1000, 1000, 0.1), Level(1, 2, 1000, 1000, 0.1)))
    found = optimise(views, endless, silent, Budget(1.0))  # a million steps would take hours
    inner = (slice(None), slice(None), *(slice(5, -5),) * 3)
    scale = 32 // found.left.shape[2]
    pooled = views.pooled(scale)
    assert loss(pooled, found) < loss(pooled, nothing_moved(pooled.shape, views.moving))
    assert float(compose(found.left, found.left_inverse)[inner].abs().mean()) < 0.05


def test_it_can_be_stopped_at_any_step(views):
    calls = []

    def stop_at_third(*_):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        optimise(views, SCHEDULE, stop_at_third)


def test_maps_on_a_coarser_grid_move_the_same_places(views):
    shifted = nothing_moved((8, 8, 8), views.moving).each(lambda u: u + 3.0)
    coarse = pooled(shifted, 2)
    assert coarse.left.shape == (1, 3, 4, 4, 4)
    assert torch.allclose(coarse.right_inverse, torch.full_like(coarse.left, 1.5))
    assert pooled(shifted, 1) is shifted


def test_maps_on_a_finer_grid_move_the_same_places(views):
    like = views.moving
    coarse = nothing_moved((8, 8, 8), like)
    shifted = dataclasses.replace(coarse, left=coarse.left + 1.5)
    fine = on_shape(shifted, (32, 32, 32), like)
    assert torch.allclose(fine.left, torch.full_like(fine.left, 6.0), atol=1e-5)
