"""Boxes of voxels in the world."""

import numpy as np
import pytest
import SimpleITK as sitk

from sitreg_engine.geometry import Grid, apply

OBLIQUE = (0.0, -1.0, 0.0, 0.6, 0.0, 0.8, -0.8, 0.0, 0.6)
GRID = Grid((4, 5, 6), (0.5, 2.0, 3.0), (-10.0, 20.0, 30.0), OBLIQUE)


def itk_image() -> sitk.Image:
    image = sitk.Image(GRID.shape, sitk.sitkUInt8)
    image.SetSpacing(GRID.spacing)
    image.SetOrigin(GRID.origin)
    image.SetDirection(GRID.direction)
    return image


@pytest.mark.parametrize("index", [(0, 0, 0), (3, 4, 5), (1.25, -2.0, 7.5)])
def test_voxels_lie_where_itk_says(index):
    expected = itk_image().TransformContinuousIndexToPhysicalPoint(index)
    np.testing.assert_allclose(apply(GRID.voxel_to_world, np.array(index)), expected, atol=1e-12)


def test_the_way_back_undoes_the_way_out():
    np.testing.assert_allclose(GRID.world_to_voxel @ GRID.voxel_to_world, np.eye(4), atol=1e-12)


def test_the_centre_is_the_mean_of_the_corners():
    corners = GRID.corners()
    assert corners.shape == (8, 3)
    np.testing.assert_allclose(GRID.centre, corners.mean(axis=0))


def test_corners_are_half_a_voxel_out():
    voxels = apply(GRID.world_to_voxel, GRID.corners())
    np.testing.assert_allclose(voxels.min(axis=0), [-0.5] * 3, atol=1e-12)
    np.testing.assert_allclose(voxels.max(axis=0), [3.5, 4.5, 5.5], atol=1e-12)


def test_the_volume_of_a_voxel_is_that_of_its_matrix():
    assert GRID.voxel_volume == pytest.approx(abs(np.linalg.det(GRID.voxel_to_world[:3, :3])))


def test_a_moved_grid_holds_the_moved_voxels():
    rigid = np.eye(4)
    rigid[:3, :3] = np.array(OBLIQUE).reshape(3, 3)
    rigid[:3, 3] = (1, 2, 3)
    np.testing.assert_allclose(GRID.transformed(rigid).voxel_to_world, rigid @ GRID.voxel_to_world, atol=1e-12)


def test_points_of_any_number_of_axes_are_mapped():
    points = np.random.default_rng(0).normal(size=(2, 3, 4, 3))
    mapped = apply(GRID.voxel_to_world, points)
    assert mapped.shape == points.shape
    np.testing.assert_allclose(mapped[1, 2, 3], (GRID.voxel_to_world @ (*points[1, 2, 3], 1))[:3])
