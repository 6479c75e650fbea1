"""Saved fields do not fold, whatever the half-way maps do between their voxels."""

import numpy as np
import torch

from sitreg_engine.balance import balanced
from sitreg_engine.compose import compose_fields, dense_boxes
from sitreg_engine.models.halfway import HalfWay
from sitreg_engine.quality.consistency import inverse_consistency
from sitreg_engine.quality.jacobian import folds, jacobian_maps
from sitreg_engine.unfold import ROUNDS, compose_without_folds

from .test_compose import FIXED, MOVING, maps, pair  # noqa: F401


def squeezed() -> HalfWay:
    left = torch.zeros(1, 3, 32, 32, 32)
    left[0, 0, 15, 14:18, 14:18] = 1.4
    zero = torch.zeros_like(left)
    return HalfWay(left, zero, -left, zero)


def count(fields) -> int:
    return sum(int(np.count_nonzero(folds(jacobian_maps(f).smallest))) for f in (fields.forward, fields.inverse))


def test_a_fold_is_smoothed_away(pair):  # noqa: F811
    assert count(compose_fields(pair, squeezed(), FIXED, MOVING)) > 0
    assert count(compose_without_folds(pair, squeezed(), FIXED, MOVING, lambda _: None)) == 0


def test_fields_without_folds_are_balanced_and_no_more(pair):  # noqa: F811
    gentle = HalfWay(*(0.1 * u for u in vars(squeezed()).values()))
    before = compose_fields(pair, gentle, FIXED, MOVING)
    after = compose_without_folds(pair, gentle, FIXED, MOVING, lambda _: None)
    expected = balanced(before.forward, before.inverse, dense_boxes(pair, before), ROUNDS)
    assert np.array_equal(after.forward.vectors, expected[0].vectors)
    assert np.abs(after.forward.vectors - before.forward.vectors).max() < 0.1  # mm; the bump is 0.28 mm high


def test_saved_fields_undo_each_other_better_than_composed_ones(pair, maps):  # noqa: F811
    composed, saved = (
        compose_fields(pair, maps, FIXED, MOVING),
        compose_without_folds(pair, maps, FIXED, MOVING, lambda _: None),
    )
    errors = [inverse_consistency(f.forward, f.inverse, FIXED).millimetres.mean() for f in (composed, saved)]
    assert errors[1] < 0.8 * errors[0]
