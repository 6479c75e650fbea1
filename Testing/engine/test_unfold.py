"""Saved fields do not fold, whatever the half-way maps do between their voxels."""

from dataclasses import replace

import numpy as np
import torch

from sitreg_engine.balance import balanced
from sitreg_engine.compose import compose_fields, dense_boxes
from sitreg_engine.lattices import slab_boxes
from sitreg_engine.models.halfway import HalfWay
from sitreg_engine.quality.consistency import inverse_consistency
from sitreg_engine.quality.jacobian import folds, jacobian_maps
from sitreg_engine.refine.inverses import exact_inverse
from sitreg_engine.unfold import compose_without_folds

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
    expected = balanced(before.forward, before.inverse, tuple(map(slab_boxes, dense_boxes(pair, before))))
    assert np.array_equal(after.forward.vectors, expected.forward.vectors)
    assert np.abs(after.forward.vectors - before.forward.vectors).max() < 0.1  # mm; the bump is 0.28 mm high


def test_saved_fields_undo_each_other_better_than_composed_ones(pair, maps):  # noqa: F811
    composed, saved = (
        compose_fields(pair, maps, FIXED, MOVING),
        compose_without_folds(pair, maps, FIXED, MOVING, lambda _: None),
    )
    errors = [inverse_consistency(f.forward, f.inverse, FIXED).millimetres.mean() for f in (composed, saved)]
    assert errors[1] < 0.8 * errors[0]


def bent(height: float = 1.6) -> HalfWay:
    """Free of folds, but bent so hard in one place that its samples tell too little about what lies between them."""
    left = torch.zeros(1, 3, 32, 32, 32)
    left[0, 0, 14:18, 13:19, 13:19] = height * torch.tensor([0.5, 1.0, 1.0, 0.5])[:, None, None]
    zero = torch.zeros_like(left)
    return HalfWay(left, zero, exact_inverse(left, -left), zero)


def worst(fields) -> float:
    return inverse_consistency(fields.forward, fields.inverse, FIXED).millimetres.max()


def test_where_fields_bend_too_hard_to_undo_each_other_they_are_smoothed(pair, monkeypatch):  # noqa: F811
    with_it = compose_without_folds(pair, bent(), FIXED, MOVING, lambda _: None)
    monkeypatch.setattr("sitreg_engine.unfold.MOST_APART", 0.0)
    without = compose_without_folds(pair, bent(), FIXED, MOVING, lambda _: None)
    assert count(with_it) == count(without) == 0
    assert worst(with_it) < 0.8 * worst(without)
    assert np.abs(with_it.forward.vectors - without.forward.vectors).max() < 2.0  # mm, a voxel


def test_where_smoothing_once_was_not_enough_they_are_smoothed_again(pair, monkeypatch):  # noqa: F811
    again = compose_without_folds(pair, bent(2.08), FIXED, MOVING, lambda _: None)
    monkeypatch.setattr("sitreg_engine.unfold._PATIENCE", 1)
    once = compose_without_folds(pair, bent(2.08), FIXED, MOVING, lambda _: None)
    assert count(again) == count(once) == 0
    assert worst(again) < 0.8 * worst(once)


def test_fields_that_are_apart_in_many_places_are_not_smoothed_for_it(pair, maps):  # noqa: F811
    """An inverse that is a different map altogether is not mended by smoothing both."""
    wrong = replace(maps, left_inverse=torch.zeros_like(maps.left_inverse))
    saved = compose_without_folds(pair, wrong, FIXED, MOVING, lambda _: None)
    composed = compose_fields(pair, wrong, FIXED, MOVING)
    expected = balanced(composed.forward, composed.inverse, tuple(map(slab_boxes, dense_boxes(pair, composed))))
    assert np.array_equal(saved.forward.vectors, expected.forward.vectors)
