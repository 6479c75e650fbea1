"""Levels get their time, coarse ones first, and rounds that do not fit are not begun."""

import time

from sitreg_engine.refine.budget import LEAST_STEPS, Budget

FOR_EVER = 1e6  # s; no test waits for it


def test_without_a_limit_everything_fits_whatever_it_costs():
    budget = Budget()
    budget.enter(last=False)
    budget.learn(1, 1, 1e9)
    assert budget.fitting(10**9, 40) == 40 and not budget.is_over()


def test_before_anything_was_measured_all_steps_fit():
    budget = Budget(1e-9)
    budget.enter(last=False)
    assert budget.fitting(10**6, 10) == 10


def test_as_many_steps_fit_as_the_measured_pace_allows():
    budget = Budget(FOR_EVER)
    budget.enter(last=True)
    budget.learn(voxels=100, steps=10, seconds=FOR_EVER / 10.5)  # ten times as many voxels: a step takes its tenth
    assert budget.fitting(1000, 40) == 10
    assert budget.fitting(1000, 6) == 6


def test_a_level_that_is_not_the_last_gets_half_of_what_is_left():
    budget = Budget(FOR_EVER)
    budget.learn(1, 1, FOR_EVER / 21)
    budget.enter(last=False)
    assert budget.fitting(1, 100) == 10
    budget.enter(last=True)
    assert budget.fitting(1, 100) == 20


def test_a_round_of_hardly_any_steps_is_not_begun_unless_no_more_are_wanted():
    budget = Budget(FOR_EVER)
    budget.enter(last=True)
    budget.learn(1, 1, FOR_EVER / (LEAST_STEPS - 0.5))
    assert budget.fitting(1, 10) == 0
    assert budget.fitting(1, LEAST_STEPS - 1) == LEAST_STEPS - 1


def test_the_time_of_a_level_is_over_after_it():
    budget = Budget(1e-6)
    budget.enter(last=True)
    time.sleep(1e-3)
    assert budget.is_over()
    budget.learn(1, 1, 1.0)
    assert budget.fitting(1, 10) == 0


def test_much_time_is_not_over_at_once():
    budget = Budget(FOR_EVER)
    budget.enter(last=False)
    assert not budget.is_over()
