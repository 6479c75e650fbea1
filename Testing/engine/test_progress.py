"""Stages, their clocks, and the wish to stop."""

import time

import pytest

from sitreg_engine.contract import STAGES
from sitreg_engine.errors import Cancelled
from sitreg_engine.progress import Reporter


def test_the_fraction_rises_from_nothing_to_all_over_the_stages():
    told = []
    reporter = Reporter(lambda stage, fraction, text: told.append((stage, fraction, text)))
    for stage in STAGES:
        reporter.start(stage, f"Now {stage}")
        reporter.step(0.5)
        reporter.step(1.0, "almost")
    fractions = [fraction for _, fraction, _ in told]
    assert fractions == sorted(fractions)
    assert fractions[0] == 0.0 and fractions[-1] == pytest.approx(1.0)
    assert told[1][2] == "Now read" and told[2][2] == "almost"


@pytest.mark.parametrize("given, counted", [(-1.0, 0.0), (2.0, 1.0)])
def test_a_fraction_outside_of_its_stage_is_kept_within(given, counted):
    told = []
    reporter = Reporter(lambda _stage, fraction, _text: told.append(fraction))
    reporter.start("align", "")
    reporter.step(given)
    reporter.step(counted)
    assert told[1] == told[2]


def test_every_stage_is_timed():
    reporter = Reporter()
    reporter.start("read", "")
    time.sleep(0.02)
    reporter.start("align", "")
    reporter.end()
    assert list(reporter.seconds) == ["read", "align"]
    assert 0.02 <= reporter.seconds["read"] < 5
    assert reporter.seconds["align"] < reporter.seconds["read"]


def test_a_stage_entered_twice_adds_up():
    reporter = Reporter()
    for stage in ("write", "read", "write"):
        reporter.start(stage, "")
        time.sleep(0.01)
    reporter.end()
    assert reporter.seconds["write"] >= 0.02


def test_ending_twice_counts_once():
    reporter = Reporter()
    reporter.start("read", "")
    reporter.end()
    seconds = dict(reporter.seconds)
    reporter.end()
    assert reporter.seconds == seconds


def test_the_wish_to_stop_is_heard_at_the_next_step():
    wishes = iter([False, True])
    reporter = Reporter(stop_requested=lambda: next(wishes))
    reporter.start("read", "")
    with pytest.raises(Cancelled, match="nothing was written"):
        reporter.step(0.5)


def test_an_unknown_stage_is_a_mistake():
    with pytest.raises(ValueError):
        Reporter().start("dream", "")


def test_the_bar_does_not_go_back_when_a_stage_is_entered_again():
    heard = []
    reporter = Reporter(lambda stage, fraction, text: heard.append(fraction))
    for stage in ("prepare", "model", "prepare", "refine"):
        reporter.start(stage, stage)
    assert heard == sorted(heard)
