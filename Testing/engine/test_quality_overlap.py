"""Dice and surface distances of label maps, against boxes whose numbers can be counted."""

import numpy as np
import pytest

from sitreg_engine.errors import InputError
from sitreg_engine.geometry import Grid
from sitreg_engine.quality.overlap import common_labels, dice, label_overlaps, overlap_measures
from sitreg_engine.quality.surfaces import surface, surface_distances

GRID = Grid((30, 28, 26), (1.5, 1.0, 2.0), (0.0, 0.0, 0.0), tuple(np.eye(3).ravel()))


def box(label: int, corner, size=(10, 10, 10), dtype=np.int16) -> np.ndarray:
    labels = np.zeros(GRID.shape, dtype)
    labels[tuple(slice(c, c + n) for c, n in zip(corner, size, strict=True))] = label
    return labels


def by_name(measures) -> dict:
    assert len({m.name for m in measures}) == len(measures)
    return {m.name: m for m in measures}


def test_dice_of_a_shifted_box_is_the_shared_part():
    fixed = box(5, (5, 5, 5))
    assert dice(fixed, box(5, (8, 5, 5)), [5])[0] == pytest.approx(0.7)
    assert dice(fixed, fixed, [5])[0] == 1
    assert dice(fixed, box(5, (18, 5, 5)), [5])[0] == 0
    assert np.isnan(dice(fixed, fixed, [6])[0])


def test_hd95_of_a_shifted_box_is_the_shift_in_millimetres():
    fixed = box(1, (5, 5, 5))
    for axis, spacing in enumerate(GRID.spacing):
        corner = [5, 5, 5]
        corner[axis] += 3
        found = label_overlaps(fixed, box(1, corner), GRID, [1])[0]
        assert found.hd95 == pytest.approx(3 * spacing)
        assert 0 < found.mean_distance < found.hd95


def test_surface_distances_are_those_of_all_pairs_of_surface_voxels():
    rng = np.random.default_rng(0)
    first, second = rng.random((9, 8, 7)) > 0.6, rng.random((9, 8, 7)) > 0.7
    found = surface_distances(first, second, (1.5, 0.7, 2.0))
    a, b = np.argwhere(surface(first)) * (1.5, 0.7, 2.0), np.argwhere(surface(second)) * (1.5, 0.7, 2.0)
    pairs = np.linalg.norm(a[:, None] - b[None], axis=-1)
    assert np.allclose(found.first_to_second, pairs.min(axis=1), atol=1e-4)
    assert np.allclose(found.second_to_first, pairs.min(axis=0), atol=1e-4)
    assert found.hd95 == pytest.approx(max(np.percentile(pairs.min(a), 95) for a in (0, 1)), abs=1e-4)
    assert found.mean == pytest.approx(np.concatenate([pairs.min(1), pairs.min(0)]).mean(), abs=1e-4)


def test_equal_shapes_are_at_distance_zero_and_swapping_changes_nothing():
    first, second = box(1, (5, 5, 5)) > 0, box(1, (7, 4, 6), (6, 9, 5)) > 0
    assert surface_distances(first, first, GRID.spacing).hd95 == 0
    there, back = surface_distances(first, second, GRID.spacing), surface_distances(second, first, GRID.spacing)
    assert (there.hd95, there.mean) == (back.hd95, back.mean)


def test_a_surface_is_what_touches_the_outside():
    shape = np.zeros((7, 7, 7), dtype=bool)
    shape[1:6, 1:6, 1:6] = True
    assert np.count_nonzero(surface(shape)) == 125 - 27
    assert np.count_nonzero(surface(np.ones((4, 4, 4), dtype=bool))) == 64 - 8  # beyond the image is outside


def test_common_labels_are_sorted_without_background():
    assert common_labels(np.array([0, 7, 3, 3]), np.array([[3, 0], [7, 9]])) == [3, 7]
    assert common_labels(np.array([0, -4, 2**30]), np.array([2**30, -4, 5])) == [-4, 2**30]


@pytest.mark.parametrize("label", [3, 2**24 + 1, -7])
def test_any_label_value_is_scored(label):
    found = label_overlaps(box(label, (5, 5, 5), dtype=np.int32), box(label, (8, 5, 5), dtype=np.int32), GRID, [label])
    assert found[0].dice == pytest.approx(0.7) and found[0].hd95 == pytest.approx(4.5)


def test_a_label_missing_on_one_side_is_nan_with_a_reason():
    fixed, empty = box(2, (5, 5, 5)), np.zeros(GRID.shape, np.int16)
    gone, absent, new = label_overlaps(fixed, empty, GRID, [2, 3]) + label_overlaps(empty, fixed, GRID, [2])
    assert gone.dice == 0 and np.isnan(gone.hd95) and gone.reason == "label 2 is missing in the warped image"
    assert np.isnan(absent.dice) and absent.reason == "label 3 is missing in both images"
    assert new.reason == "label 2 is missing in the fixed image" and new.fixed_ml == 0


def test_volumes_are_millilitres():
    found = label_overlaps(box(1, (5, 5, 5)), box(1, (5, 5, 5), (10, 10, 5)), GRID, [1])[0]
    assert found.fixed_ml == pytest.approx(3.0) and found.warped_ml == pytest.approx(1.5)
    assert by_name(overlap_measures([found]))["volume_difference_1"].value == pytest.approx(-50)


def test_means_leave_out_what_is_nan_and_say_so():
    fixed = np.maximum(box(1, (5, 5, 5)), box(2, (18, 15, 10), (5, 5, 5)))
    overlaps = label_overlaps(fixed, box(1, (8, 5, 5)), GRID, [1, 2])
    measures = by_name(overlap_measures(overlaps, dice_before=np.array([0.2, 0.4]), dice_aligned=np.array([0.3, 0.4])))
    assert measures["dice_mean_aligned"].value == pytest.approx(0.35)
    assert measures["dice_mean_before"].value == pytest.approx(0.3)
    assert measures["dice_mean"].value == pytest.approx(0.35)
    assert measures["hd95_mean"].value == pytest.approx(4.5)
    assert "1 of them missing" in measures["hd95_mean"].description
    assert "missing in the warped image" in measures["hd95_2"].description
    assert (measures["hd95_mean"].unit, measures["dice_mean"].unit) == ("mm", "")


def test_no_labels_give_nan_and_not_a_number():
    assert np.isnan(by_name(overlap_measures([]))["dice_mean"].value)


def test_maps_of_different_shapes_are_refused():
    with pytest.raises(InputError, match="one grid"):
        dice(box(1, (5, 5, 5)), box(1, (5, 5, 5))[1:], [1])
    with pytest.raises(InputError, match="one grid"):
        surface_distances(np.ones((3, 3, 3)), np.ones((3, 3, 4)), (1.0, 1.0, 1.0))


def test_a_map_of_fractions_is_refused():
    with pytest.raises(InputError, match="integers"):
        common_labels(np.array([0.5, 1.0]), np.array([1]))


def test_an_empty_shape_has_no_surface_distance():
    with pytest.raises(InputError, match="at least one voxel"):
        surface_distances(np.zeros((3, 3, 3)), np.ones((3, 3, 3)), (1.0, 1.0, 1.0))
