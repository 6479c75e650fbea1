"""After a change of the half-way maps in one place: what is composed again is what would be composed from the start."""

import numpy as np
import pytest
import torch

from sitreg_engine.compose import compose_fields
from sitreg_engine.models.halfway import HalfWay
from sitreg_engine.recompose import changed_voxels, compose_again
from sitreg_engine.refine.topology import smoothed_at

from .test_compose import FIXED, MOVING, maps, pair  # noqa: F401


@pytest.fixture(scope="module")
def smoother(maps) -> HalfWay:  # noqa: F811
    where = torch.zeros(1, 1, 32, 32, 32, dtype=torch.bool)
    where[0, 0, 12:15, 17, 16:18] = True
    with torch.inference_mode():
        return smoothed_at(maps, where)


def test_composed_again_the_fields_are_those_of_the_new_maps(pair, maps, smoother):  # noqa: F811
    fields, expected = compose_fields(pair, maps, FIXED, MOVING), compose_fields(pair, smoother, FIXED, MOVING)
    assert np.abs(fields.forward.vectors - expected.forward.vectors).max() > 0.01  # mm: there is something to do
    compose_again(pair, smoother, fields, changed_voxels(pair, maps, smoother, fields))
    for found, wanted in ((fields.forward, expected.forward), (fields.inverse, expected.inverse)):
        assert np.abs(found.vectors - wanted.vectors).max() < 1e-3


def test_far_from_the_change_nothing_is_looked_at(pair, maps, smoother):  # noqa: F811
    fields = compose_fields(pair, maps, FIXED, MOVING)
    for parts, field in zip(changed_voxels(pair, maps, smoother, fields), vars(fields).values(), strict=True):
        # Nearly everything is near in fields as small as these.
        assert 0 < sum(len(part[0]) for part in parts) < 0.8 * np.prod(field.grid.shape)


def test_without_a_change_there_is_nothing_to_do(pair, maps):  # noqa: F811
    fields = compose_fields(pair, maps, FIXED, MOVING)
    parts = changed_voxels(pair, maps, maps, fields)
    assert [sum(len(part[0]) for part in own) for own in parts] == [0, 0]
    before = fields.forward.vectors.copy()
    compose_again(pair, maps, fields, parts)
    assert np.array_equal(fields.forward.vectors, before)


def test_swapping_the_images_swaps_what_is_looked_at(pair, maps, smoother):  # noqa: F811
    fields = compose_fields(pair, maps, FIXED, MOVING)
    there, back = changed_voxels(pair, maps, smoother, fields)
    swapped_pair = type(pair)(**{**vars(pair), "to_fixed": pair.to_moving, "to_moving": pair.to_fixed})
    swapped = [HalfWay(m.right, m.left, m.right_inverse, m.left_inverse) for m in (maps, smoother)]
    back_again, there_again = changed_voxels(swapped_pair, *swapped, type(fields)(fields.inverse, fields.forward))
    for one, other in ((there, there_again), (back, back_again)):
        assert all(torch.equal(a, b) for x, y in zip(one, other, strict=True) for a, b in zip(x, y, strict=True))


def test_it_can_be_stopped(pair, maps, smoother):  # noqa: F811
    def stop() -> None:
        raise KeyboardInterrupt

    fields = compose_fields(pair, maps, FIXED, MOVING)
    with pytest.raises(KeyboardInterrupt):
        compose_again(pair, smoother, fields, changed_voxels(pair, maps, smoother, fields), stop)
