"""Inverse consistency error, against transforms whose error is known and against ITK's own evaluation."""

import numpy as np
import pytest
import SimpleITK as sitk

from sitreg_engine.contract import Measure
from sitreg_engine.fields import DisplacementField
from sitreg_engine.geometry import Grid, apply
from sitreg_engine.images import Volume, to_sitk
from sitreg_engine.lattices import with_axes
from sitreg_engine.quality.consistency import consistency_doubts, consistency_measures, inverse_consistency

TURN = np.linalg.qr(np.array([[2.0, 0.3, -0.4], [0.5, 1.5, 0.2], [-0.1, 0.6, 1.8]]))[0]
MATRIX = np.array([[1.05, 0.1, 0.0], [-0.08, 0.97, 0.03], [0.0, 0.04, 1.02]])
SHIFT = np.array([0.7, -0.4, 1.1])


def centred(shape, spacing, direction) -> Grid:
    grid = Grid(shape, spacing, (0.0, 0.0, 0.0), tuple(direction.ravel()))
    move = np.eye(4)
    move[:3, 3] = -grid.centre
    return grid.transformed(move)


FIXED = centred((12, 13, 14), (1.0, 1.2, 0.9), TURN)
MOVING = centred((15, 14, 12), (1.1, 1.0, 1.3), -TURN)
FIXED_BOX = centred((20, 21, 22), (1.0, 1.2, 0.9), TURN)
MOVING_BOX = centred((24, 24, 20), (1.1, 1.0, 1.3), -TURN)


def field_of(function, grid: Grid) -> DisplacementField:
    points = apply(grid.voxel_to_world, np.moveaxis(np.indices(grid.shape), 0, -1))
    return DisplacementField(np.moveaxis(function(points) - points, -1, 0).astype(np.float32).copy(), grid)


FORWARD = field_of(lambda x: x @ MATRIX.T + SHIFT, FIXED_BOX)
INVERSE = field_of(lambda y: (y - SHIFT) @ np.linalg.inv(MATRIX).T, MOVING_BOX)


def test_exact_inverses_have_no_error():
    found = inverse_consistency(FORWARD, INVERSE, FIXED)
    assert len(found.millimetres) == np.prod(FIXED.shape) and found.left_out == 0
    assert found.millimetres.max() < 1e-4


def test_an_inverse_off_by_a_constant_has_that_error_everywhere():
    off = DisplacementField(INVERSE.vectors + np.float32([0.3, 0.0, 0.4])[:, None, None, None], MOVING_BOX)
    errors = inverse_consistency(FORWARD, off, FIXED).millimetres
    assert np.allclose(errors, 0.5, atol=1e-4)


def test_it_equals_what_itk_makes_of_the_two_fields():
    rng = np.random.default_rng(0)
    there = DisplacementField(rng.normal(0, 1.0, (3, *FIXED_BOX.shape)).astype(np.float32), FIXED_BOX)
    back = DisplacementField(rng.normal(0, 1.0, (3, *MOVING_BOX.shape)).astype(np.float32), MOVING_BOX)
    maps = [
        sitk.DisplacementFieldTransform(sitk.Cast(to_sitk(f.vectors, f.grid), sitk.sitkVectorFloat64))
        for f in (there, back)
    ]
    points = apply(FIXED.voxel_to_world, np.argwhere(np.ones(FIXED.shape)))
    theirs = [np.linalg.norm(np.subtract(maps[1].TransformPoint(maps[0].TransformPoint(p)), p)) for p in points]
    found = inverse_consistency(there, back, FIXED)
    assert found.left_out == 0
    assert np.allclose(found.millimetres, theirs, atol=1e-3)


def test_voxels_that_leave_the_other_box_are_left_out_and_counted():
    far = field_of(lambda x: x + np.array([1000.0, 0.0, 0.0]), FIXED_BOX)
    found = inverse_consistency(far, INVERSE, FIXED)
    assert found.millimetres.size == 0 and found.left_out == np.prod(FIXED.shape)
    measures = {m.name: m for m in consistency_measures(far, INVERSE, FIXED, MOVING)}
    assert np.isnan(measures["forward_consistency_mean"].value)
    assert "no voxel is covered" in measures["forward_consistency_mean"].description


def test_how_much_is_left_out_is_told():
    away = field_of(lambda x: x + TURN[:, 0] * 12.0, FIXED_BOX)  # along the first axis, partly out of the other box
    found = inverse_consistency(away, INVERSE, FIXED)
    assert 0.1 < found.left_out_share < 0.9
    measures = {m.name: m.description for m in consistency_measures(away, INVERSE, FIXED, MOVING)}
    assert f"without {found.left_out_share:.0%} of it" in measures["forward_consistency_mean"]
    assert "inverse transform is not reached" in measures["forward_consistency_mean"]
    assert all("without" not in m.description for m in consistency_measures(FORWARD, INVERSE, FIXED, MOVING))


def test_only_voxels_inside_the_mask_count():
    off = DisplacementField(INVERSE.vectors.copy(), MOVING_BOX)
    off.vectors[0, MOVING_BOX.shape[0] // 2 :] += 1.0  # one half of the box is wrong
    errors = inverse_consistency(FORWARD, off, FIXED).millimetres
    assert 0.2 < errors.mean() < 0.8
    landing = apply(
        MOVING_BOX.world_to_voxel, apply(FIXED.voxel_to_world, np.argwhere(np.ones(FIXED.shape))) @ MATRIX.T + SHIFT
    )
    good = (landing[:, 0] < MOVING_BOX.shape[0] // 2 - 1).reshape(FIXED.shape)
    inside = inverse_consistency(FORWARD, off, FIXED, Volume(good.astype(np.uint8), FIXED)).millimetres
    assert len(inside) == np.count_nonzero(good) > 100
    assert inside.max() < 1e-4


def test_nan_in_a_field_is_not_hidden():
    broken = DisplacementField(FORWARD.vectors.copy(), FIXED_BOX)
    broken.vectors[:, 10, 10, 10] = np.nan
    assert np.isnan(inverse_consistency(broken, INVERSE, FIXED).millimetres).any()
    measures = {m.name: m.value for m in consistency_measures(broken, INVERSE, FIXED, MOVING)}
    assert np.isnan(measures["forward_consistency_mean"]) and np.isnan(measures["forward_consistency_max"])


def test_a_large_image_is_looked_at_on_a_sub_lattice_and_says_so():
    found = inverse_consistency(FORWARD, INVERSE, FIXED, most=300)
    assert found.stride == 2
    assert len(found.millimetres) == 6 * 7 * 7


def test_a_sub_lattice_inside_a_mask_sees_the_mask_alone():
    inside = np.zeros(FIXED.shape, np.uint8)
    inside[5:9, 4:11, 3:12] = 1
    off = DisplacementField(INVERSE.vectors + np.float32([0.3, 0.0, 0.4])[:, None, None, None], MOVING_BOX)
    found = inverse_consistency(FORWARD, off, FIXED, Volume(inside, FIXED), most=40)
    assert found.stride == 2
    assert found.millimetres.size == np.count_nonzero(inside[::2, ::2, ::2]) and found.left_out == 0
    assert np.allclose(found.millimetres, 0.5, atol=1e-4)


@pytest.mark.parametrize("most", [10**6, 400])
def test_parts_of_a_mask_that_lie_far_apart_are_both_looked_at(most):
    long = centred((200, 40, 45), (1.0, 1.2, 0.9), TURN)
    inside = np.zeros(long.shape, np.uint8)
    inside[:3, :6, :6] = inside[-3:, -6:, -6:] = 1
    still, off = (DisplacementField(np.full((3, *long.shape), x, np.float32), long) for x in (0.0, 0.3))
    found = inverse_consistency(still, off, long, Volume(inside, long), most=most)
    every = (slice(None, None, found.stride),) * 3
    assert found.millimetres.size + found.left_out == np.count_nonzero(inside[every]) > 100 / found.stride**3
    assert np.allclose(found.millimetres, 0.3 * 3**0.5, atol=1e-4)


def test_an_empty_mask_gives_no_error_at_all():
    found = inverse_consistency(FORWARD, INVERSE, FIXED, Volume(np.zeros(FIXED.shape, np.uint8), FIXED))
    assert found.millimetres.size == 0 and found.left_out == 0


@pytest.mark.parametrize("order", [(1, 2, 0), (2, 1, 0)])
@pytest.mark.parametrize("most", [10**6, 300])
def test_the_order_of_the_axes_of_the_way_back_does_not_matter(order, most):
    rng = np.random.default_rng(0)
    there = DisplacementField(rng.normal(0, 1.0, (3, *FIXED_BOX.shape)).astype(np.float32), FIXED_BOX)
    back = DisplacementField(rng.normal(0, 1.0, (3, *MOVING_BOX.shape)).astype(np.float32), MOVING_BOX)
    vectors = np.ascontiguousarray(back.vectors.transpose(0, *(axis + 1 for axis in order)))
    stored = DisplacementField(vectors, with_axes(MOVING_BOX, order))
    expected, found = (inverse_consistency(there, b, FIXED, most=most) for b in (back, stored))
    assert np.allclose(found.millimetres, expected.millimetres, atol=1e-4)


def test_it_can_be_stopped():
    def stop() -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        inverse_consistency(FORWARD, INVERSE, FIXED, check=stop)


def test_measures_cover_both_ways_and_both_masks():
    ones = Volume(np.ones(FIXED.shape, np.uint8), FIXED), Volume(np.ones(MOVING.shape, np.uint8), MOVING)
    measures = consistency_measures(FORWARD, INVERSE, FIXED, MOVING, *ones)
    names = [
        f"{way}_consistency_{kind}{mask}"
        for mask in ("", "_in_mask")
        for way in ("forward", "inverse")
        for kind in ("mean", "p95", "max")
    ]
    assert sorted(m.name for m in measures) == sorted(names)
    assert all(m.unit == "mm" and 0 <= m.value < 1e-4 for m in measures)


@pytest.mark.parametrize("size", [0.1, 0.5])
def test_mean_and_percentile_and_maximum_are_those_of_the_errors(size):
    rng = np.random.default_rng(1)
    off = DisplacementField(INVERSE.vectors + rng.normal(0, size, INVERSE.vectors.shape).astype(np.float32), MOVING_BOX)
    errors = inverse_consistency(FORWARD, off, FIXED).millimetres
    measures = {m.name: m.value for m in consistency_measures(FORWARD, off, FIXED, MOVING)}
    assert measures["forward_consistency_mean"] == pytest.approx(errors.mean(), rel=1e-4)
    assert measures["forward_consistency_p95"] == pytest.approx(np.percentile(errors, 95), rel=1e-4)
    assert measures["forward_consistency_max"] == pytest.approx(errors.max())


def consistency(forward: float, inverse: float, suffix: str = "") -> list[Measure]:
    named = (("forward", forward), ("inverse", inverse))
    return [Measure(f"{name}_consistency_mean{suffix}", "", value, "mm") for name, value in named]


def test_transforms_that_undo_each_other_badly_are_told():
    assert consistency_doubts(consistency(0.9, 0.2), spacing=2.0) == []
    assert "1.3 mm" in consistency_doubts(consistency(0.2, 1.3), spacing=2.0)[0]


def test_a_mask_says_where_it_matters():
    inside = consistency(0.1, 0.1, "_in_mask")
    assert consistency_doubts([*consistency(9.0, 9.0), *inside], spacing=2.0) == []


@pytest.mark.parametrize("errors", [(float("nan"), 9.0), (9.0, float("nan"))])
def test_what_could_not_be_measured_hides_nothing(errors):
    assert "9.0 mm" in consistency_doubts(consistency(*errors), spacing=2.0)[0]
    empty = consistency(float("nan"), float("nan"), "_in_mask")
    assert "9.0 mm" in consistency_doubts([*consistency(9.0, 0.1), *empty], spacing=2.0)[0]


def test_nothing_measured_is_nothing_to_tell():
    assert consistency_doubts([], spacing=1.0) == []
    assert consistency_doubts(consistency(float("nan"), float("nan")), spacing=1.0) == []
