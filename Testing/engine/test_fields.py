"""Maps of world points, stored as displacements on a box."""

import numpy as np
import SimpleITK as sitk

from sitreg_engine.fields import DisplacementField
from sitreg_engine.geometry import Grid, apply
from sitreg_engine.images import to_sitk

GRID = Grid((6, 7, 8), (0.5, 2.0, 3.0), (-10.0, 20.0, 30.0), (0.0, -1.0, 0.0, 0.6, 0.0, 0.8, -0.8, 0.0, 0.6))


def a_field() -> DisplacementField:
    return DisplacementField(np.random.default_rng(0).normal(size=(3, *GRID.shape)).astype(np.float32), GRID)


def test_points_within_the_box_go_where_itk_sends_them():
    field = a_field()
    transform = sitk.DisplacementFieldTransform(to_sitk(field.vectors.astype(np.float64), GRID))
    voxels = np.random.default_rng(1).uniform(0, np.array(GRID.shape) - 1.001, size=(50, 3))
    points = apply(GRID.voxel_to_world, voxels)
    expected = [transform.TransformPoint(tuple(point)) for point in points]
    np.testing.assert_allclose(field.map_points(points), expected, atol=1e-5)


def test_beyond_the_box_the_displacement_of_the_edge_holds():
    field = a_field()
    inside, outside = apply(GRID.voxel_to_world, np.array([[0, 3, 4], [-20, 3, 4]]))
    mapped = field.map_points(np.stack([inside, outside]))
    np.testing.assert_allclose(mapped[1] - outside, mapped[0] - inside, atol=1e-5)


def test_a_constant_displacement_shifts_every_point():
    vectors = np.broadcast_to(np.array([1.0, -2.0, 3.0], np.float32).reshape(3, 1, 1, 1), (3, *GRID.shape)).copy()
    points = np.random.default_rng(2).normal(scale=100, size=(20, 3))
    np.testing.assert_allclose(
        DisplacementField(vectors, GRID).map_points(points), points + np.array([1, -2, 3]), atol=1e-5
    )


def test_no_points_give_no_points():
    assert a_field().map_points(np.zeros((0, 3))).shape == (0, 3)
