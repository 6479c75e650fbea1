"""One round: an update within its bound, and states that know how good they are."""

import pytest
import torch

from sitreg_engine.determinants import smallest_determinant
from sitreg_engine.mappings import compose
from sitreg_engine.refine.instance import nothing_moved
from sitreg_engine.refine.rounds import State, fitted
from sitreg_engine.refine.schedule import Level, Schedule

LEVEL = Level(1, 2, 1, 8, 0.1)
SCHEDULE = Schedule((LEVEL,))


def always(_: float) -> bool:
    return True


@pytest.fixture(scope="module")
def start(views) -> State:
    return State.of(views, nothing_moved(views.shape, views.moving), LEVEL, SCHEDULE.window)


def test_a_round_lowers_the_objective(views, start):
    maps, done = fitted(start, 8, SCHEDULE, always)
    assert done == 8
    assert State.of(views, maps, LEVEL, SCHEDULE.window).objective < start.objective - 0.02


def test_a_round_leaves_maps_without_folds_and_their_inverses(start):
    maps, _ = fitted(start, 8, SCHEDULE, always)
    assert all(float(smallest_determinant(u[0]).min()) > 0 for u in vars(maps).values())
    inner = (slice(None), slice(None), *(slice(5, -5),) * 3)
    assert float(compose(maps.left, maps.left_inverse)[inner].abs().mean()) < 0.02


def test_a_round_ends_when_it_is_told_that_time_is_over_but_does_one_step(start):
    assert fitted(start, 8, SCHEDULE, lambda fraction: fraction < 0.3)[1] == 3
    maps, done = fitted(start, 8, SCHEDULE, lambda _: False)
    assert done == 1 and float(maps.left.abs().max()) > 0


def test_the_objective_is_agreement_and_weighed_roughness(views, start):
    assert start.objective == start.loss  # nothing has moved: nothing is rough
    maps, _ = fitted(start, 2, SCHEDULE, always)
    light, heavy = (State.of(views, maps, Level(1, 2, 1, 8, weight), 5) for weight in (1.0, 3.0))
    assert light.loss == heavy.loss
    assert heavy.objective - heavy.loss == pytest.approx(3 * (light.objective - light.loss), rel=1e-4)


def test_the_same_images_agree_entirely(views):
    same = type(views)(views.fixed, views.fixed, views.fixed_seen, views.fixed_seen, None, None)
    state = State.of(same, nothing_moved(views.shape, views.moving), LEVEL, 5)
    assert -1 <= state.loss < -0.9
    nowhere = type(views)(views.fixed, views.fixed, *(torch.zeros_like(views.fixed_seen),) * 2, None, None)
    assert State.of(nowhere, nothing_moved(views.shape, views.moving), LEVEL, 5).loss == 0
