"""What the measures say against a result, told as sentences."""

import pytest

from sitreg_engine.contract import Measure
from sitreg_engine.quality.outcome import outcome_doubts


def measured(**values: float) -> list[Measure]:
    return [Measure(name, name, value, "") for name, value in values.items()]


def test_a_good_result_has_nothing_against_it():
    good = {"forward_folds": 0.0, "inverse_folds": 0.0, "dice_mean_aligned": 0.5, "dice_mean": 0.7}
    assert outcome_doubts(measured(**good, tre_mean_before=9.0, tre_mean=1.0)) == []
    assert outcome_doubts([]) == []


def test_folds_that_are_left_are_told_with_their_numbers():
    (told,) = outcome_doubts(measured(forward_folds=0.0, inverse_folds=3.0))
    assert "the forward one at 0 voxels and the inverse one at 3" in told and "Jacobian" not in told
    (told,) = outcome_doubts(measured(forward_folds=2.0, inverse_folds=0.0))
    assert "the Jacobian volume shows where" in told


@pytest.mark.parametrize(("aligned", "after", "notes"), [(0.7, 0.6, 1), (0.7, 0.698, 0), (float("nan"), 0.1, 0)])
def test_labels_that_overlap_less_than_aligned_are_told(aligned, after, notes):
    assert len(outcome_doubts(measured(dice_mean_aligned=aligned, dice_mean=after))) == notes


@pytest.mark.parametrize(("before", "after", "notes"), [(3.0, 4.0, 1), (3.0, 2.0, 0), (float("nan"), 1.0, 0)])
def test_landmarks_that_are_farther_apart_are_told(before, after, notes):
    assert len(outcome_doubts(measured(tre_mean_before=before, tre_mean=after))) == notes
