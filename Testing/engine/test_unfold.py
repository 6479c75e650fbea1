"""Saved fields do not fold, whatever the half-way maps do between their voxels."""

import numpy as np
import torch

from sitreg_engine.compose import compose_fields
from sitreg_engine.models.halfway import HalfWay
from sitreg_engine.quality.jacobian import folds, jacobian_maps
from sitreg_engine.unfold import compose_without_folds

from .test_compose import FIXED, MOVING, pair  # noqa: F401


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


def test_fields_without_folds_are_left_alone(pair):  # noqa: F811
    gentle = HalfWay(*(0.1 * u for u in vars(squeezed()).values()))
    before = compose_fields(pair, gentle, FIXED, MOVING)
    after = compose_without_folds(pair, gentle, FIXED, MOVING, lambda _: None)
    assert np.array_equal(before.forward.vectors, after.forward.vectors)
