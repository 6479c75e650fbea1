"""From coarse to fine, for images of any size."""

import math

import pytest

from sitreg_engine.effort import Effort
from sitreg_engine.refine.schedule import LEAST_SIDE, MOST_VOXELS, make_schedule


@pytest.mark.parametrize("shape", [(160, 208, 176), (96, 128, 144), (48, 64, 48), (16, 16, 16), (512, 512, 304)])
def test_levels_go_from_coarse_to_fine_and_divide_the_grid(shape):
    factors = [level.factor for level in make_schedule(shape, Effort()).levels]
    assert factors == sorted(factors, reverse=True) and factors
    assert all(n % factor == 0 for n in shape for factor in factors)
    assert len(factors) == 1 or min(shape) / factors[0] >= LEAST_SIDE


def test_the_finest_level_is_the_grid_itself_unless_that_is_too_large():
    assert make_schedule((96, 128, 144), Effort()).levels[-1].factor == 1
    large = make_schedule((256, 256, 256), Effort()).levels[-1]
    assert large.factor > 1 and (256 / large.factor) ** 3 <= MOST_VOXELS


def test_the_larger_the_finest_level_the_fewer_its_rounds():
    rounds = [make_schedule((n, n, n), Effort()).levels[-1].rounds for n in (96, 112, 128, 144, 176, 208)]
    assert rounds == [4, 3, 2, 1, 1, 1]


def test_a_large_finest_level_gets_a_single_round_unless_steps_are_given():
    assert [level.rounds for level in make_schedule((160, 208, 176), Effort()).levels] == [4, 4, 4, 4, 1]
    assert {level.rounds for level in make_schedule((160, 208, 176), Effort(20)).levels} == {2}


def test_one_or_two_rounds_on_the_grid_itself_are_a_little_shorter_unless_steps_are_given():
    assert [level.steps for level in make_schedule((160, 208, 176), Effort()).levels] == [10, 10, 10, 10, 8]
    two_rounds = make_schedule((128, 128, 128), Effort()).levels[-1]
    assert (two_rounds.rounds, two_rounds.steps) == (2, 8)
    assert {level.steps for level in make_schedule((96, 96, 96), Effort()).levels} == {10}  # of several rounds
    assert {level.steps for level in make_schedule((160, 208, 176), Effort(40)).levels} == {10}


@pytest.mark.parametrize(
    ("shape", "factors"),
    [((464, 352, 16), [4, 2, 1]), ((112, 96, 16), [4, 2, 1]), ((48, 16, 48), [2, 1]), ((32, 32, 32), [2, 1])],
)
def test_what_moves_along_a_slab_is_looked_for_coarsely_too(shape, factors):
    assert [level.factor for level in make_schedule(shape, Effort()).levels] == factors


def test_the_coarsest_level_has_all_its_rounds_however_large():
    levels = make_schedule((464, 352, 16), Effort()).levels
    assert [level.rounds for level in levels] == [4, 4, 1]
    assert [level.rounds for level in make_schedule((2000, 1500, 2), Effort()).levels] == [4]


def test_no_steps_are_no_levels():
    assert make_schedule((64, 64, 64), Effort(0)).levels == ()


def test_at_least_as_many_steps_are_done_as_asked_for():
    for count, made in ((3, 3), (11, 12), (20, 20), (25, 27), (40, 40)):
        levels = make_schedule((64, 64, 64), Effort(count)).levels
        assert {level.rounds * level.steps for level in levels} == {made}
    assert {level.steps for level in make_schedule((64, 64, 64), Effort(seconds=9.0)).levels} == {10}


def test_in_limited_time_every_level_may_go_on_until_it_gains_little():
    schedule = make_schedule((160, 208, 176), Effort(seconds=60.0))
    assert schedule.seconds == 60.0
    assert min(level.rounds for level in schedule.levels) > max(
        level.rounds for level in make_schedule((160, 208, 176), Effort()).levels
    )


def test_without_a_limit_there_is_none():
    assert make_schedule((64, 64, 64), Effort()).seconds == make_schedule((64, 64, 64), Effort(20)).seconds == math.inf
