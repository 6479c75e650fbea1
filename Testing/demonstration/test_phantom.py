"""The synthetic pair: a truth that is one, and two scans that follow it."""

import numpy as np
import pytest
import SimpleITK as sitk
from anatomy import LABELS, labels_at
from deformation import make_truth, rotation
from phantom import SEED, write_pair

from sitreg_engine.geometry import apply
from sitreg_engine.images import from_sitk


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    return write_pair(tmp_path_factory.mktemp("pair"))


def some_points(count=2000):
    return np.random.default_rng(5).uniform(-80, 80, (count, 3))


def test_there_and_back_again_is_where_one_was():
    truth = make_truth(SEED)
    np.testing.assert_allclose(truth.to_fixed(truth.to_moving(some_points())), some_points(), atol=1e-6)


def test_the_truth_folds_nowhere():
    truth, step = make_truth(SEED), 1e-3
    points = some_points() + truth.shift
    columns = [
        (truth.to_fixed(points + step * axis) - truth.to_fixed(points - step * axis)) / (2 * step) for axis in np.eye(3)
    ]
    determinants = np.linalg.det(np.stack(columns, axis=-1))
    assert 0.5 < determinants.min() < 0.9 and 1.1 < determinants.max() < 2


def test_the_same_seed_is_the_same_truth_and_another_is_not():
    points = some_points()
    np.testing.assert_array_equal(make_truth(1).to_fixed(points), make_truth(1).to_fixed(points))
    assert np.abs(make_truth(1).to_fixed(points) - make_truth(2).to_fixed(points)).max() > 1


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_rotation_keeps_its_axis_and_all_lengths(axis):
    matrix = rotation(axis, 30)
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(3), atol=1e-12)
    np.testing.assert_array_equal(matrix[axis], np.eye(3)[axis])


def test_every_structure_is_there_on_both_scans(written):
    files, _ = written
    for path in (files.fixed_labels, files.moving_labels):
        counts = np.bincount(from_sitk(sitk.ReadImage(str(path))).array.ravel(), minlength=15)
        assert (counts[list(LABELS)] > 100).all()


def test_left_is_on_the_left(written):
    labels = from_sitk(sitk.ReadImage(str(written[0].fixed_labels)))
    left = apply(labels.grid.voxel_to_world, np.argwhere(labels.array == 11))
    assert left[:, 0].mean() > 20  # LPS: the first axis points to the left


def test_the_moving_scan_shows_what_the_truth_says(written):
    files, truth = written
    labels = from_sitk(sitk.ReadImage(str(files.moving_labels)))
    voxels = np.argwhere(labels.array > 0)[::97]
    points = apply(labels.grid.voxel_to_world, voxels)
    same = labels.array[tuple(voxels.T)] == labels_at(truth.to_fixed(points))
    assert same.mean() > 0.999  # a header in float32 moves a point by less than a micrometre


def test_landmarks_are_pairs_of_the_truth(written):
    files, truth = written
    fixed, moving = (np.loadtxt(p, delimiter=",", skiprows=1) for p in (files.fixed_points, files.moving_points))
    assert len(fixed) == 300
    np.testing.assert_allclose(truth.to_fixed(moving), fixed, atol=1e-3)


def test_the_scans_differ_in_axes_and_place(written):
    fixed, moving = (sitk.ReadImage(str(path)) for path in (written[0].fixed, written[0].moving))
    assert fixed.GetDirection() != moving.GetDirection()
    centres = [np.array(i.TransformContinuousIndexToPhysicalPoint(np.array(i.GetSize()) / 2)) for i in (fixed, moving)]
    assert np.linalg.norm(centres[0] - centres[1]) > 30
