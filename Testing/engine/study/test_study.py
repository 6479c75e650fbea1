"""Storage order and pose in the world are undone exactly."""

import numpy as np
import pytest

from sitreg_engine.geometry import Grid, apply
from sitreg_engine.study import canonical, study_frame

OBLIQUE = ((1, 2, 3), 25.0)


def test_every_storage_order_becomes_the_same_volume(study, tools, storage):
    expected = canonical(study.fixed)
    found = canonical(tools.stored(study.fixed, *storage))
    assert np.array_equal(found.array, expected.array)
    assert found.array.flags.c_contiguous
    assert found.grid.shape == expected.grid.shape
    assert np.allclose(found.grid.voxel_to_world, expected.grid.voxel_to_world, atol=1e-12)


def test_an_oblique_volume_keeps_each_voxel_where_it_was(study, tools, storage):
    oblique = tools.placed(tools.stored(study.fixed, *storage), tools.turn(*OBLIQUE))
    found = canonical(oblique)
    index = np.array([3, 7, 2])
    there = np.rint(apply(oblique.grid.world_to_voxel @ found.grid.voxel_to_world, index)).astype(int)
    assert found.array[tuple(index)] == oblique.array[tuple(there)]
    assert (np.diag(np.array(found.grid.direction).reshape(3, 3)) > 0.7).all()


def test_the_frame_of_equal_grids_has_their_axes_and_centre(study, tools):
    grid = canonical(tools.placed(study.fixed, tools.turn(*OBLIQUE))).grid
    frame = study_frame(grid, grid)
    assert np.allclose(frame[:3, :3], np.array(grid.direction).reshape(3, 3), atol=1e-12)
    assert np.allclose(frame[:3, 3], grid.centre)


def test_the_frame_lies_midway(study, tools):
    tilted = study.moving.grid.transformed(tools.turn((0, 0, 1), 30))
    frame = study_frame(study.fixed.grid, tilted)
    assert np.allclose(frame[:3, :3], tools.turn((0, 0, 1), 15)[:3, :3], atol=1e-12)


def test_the_frame_does_not_know_which_image_is_fixed(study, tools):
    tilted = study.moving.grid.transformed(tools.turn(*OBLIQUE))
    assert np.array_equal(study_frame(study.fixed.grid, tilted), study_frame(tilted, study.fixed.grid))


def test_the_frame_turns_with_the_world(study, tools):
    tilted, world = study.moving.grid.transformed(tools.turn(*OBLIQUE)), tools.turn((2, -1, 1), 20)
    expected = world @ study_frame(study.fixed.grid, tilted)
    assert np.allclose(study_frame(study.fixed.grid.transformed(world), tilted.transformed(world)), expected, atol=1e-9)


@pytest.mark.parametrize("axis", [(1, 0, 0), (0, 1, 1)])
def test_opposed_directions_fall_back_to_the_axes_of_the_world(axis, tools):
    grid = Grid((4, 4, 4), (1.0,) * 3, (0.0,) * 3, tuple(np.eye(3).ravel()))
    frame = study_frame(grid, grid.transformed(tools.turn(axis, 180)))
    assert np.array_equal(frame[:3, :3], np.eye(3))
