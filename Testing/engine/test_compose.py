"""One map per direction: affine and dense part joined, sampled around each image."""

import dataclasses

import numpy as np
import pytest
import torch

from sitreg_engine.compose import chains, compose_fields, dense_boxes, field_grid
from sitreg_engine.geometry import Grid, apply
from sitreg_engine.models.halfway import HalfWay
from sitreg_engine.prepare import Pair
from sitreg_engine.refine.inverses import exact_inverse

TURN = np.array([[0.8, -0.6, 0.0], [0.6, 0.8, 0.0], [0.0, 0.0, 1.0]])
FIXED = Grid((20, 24, 18), (2.0, 2.0, 2.5), (-20.0, -25.0, -22.0), tuple(np.eye(3).ravel()))
MOVING = Grid((22, 20, 20), (2.0, 2.2, 2.0), (60.0, -30.0, 10.0), tuple((TURN @ np.diag([1, -1, 1])).ravel()))


def wave(sign: float) -> torch.Tensor:
    position = torch.stack(torch.meshgrid(*[torch.arange(32.0)] * 3, indexing="ij"))
    return (sign * 0.8 * torch.sin(position / 6 + torch.tensor([0.0, 1.0, 2.0]).reshape(3, 1, 1, 1)))[None]


@pytest.fixture(scope="module")
def maps() -> HalfWay:
    left, right = wave(1.0), wave(-0.7)
    return HalfWay(left, right, exact_inverse(left, -left), exact_inverse(right, -right))


@pytest.fixture(scope="module")
def pair() -> Pair:
    """An affine that carries the middle of the fixed image near the middle of the moving one."""
    grid = Grid((32, 32, 32), (2.0,) * 3, (-31.0, -31.0, -31.0), tuple(np.eye(3).ravel()))
    to_fixed, to_moving = np.eye(4), np.eye(4)
    to_fixed[:3, 3] = FIXED.centre
    to_moving[:3, :3], to_moving[:3, 3] = TURN * 1.05, MOVING.centre
    empty = torch.zeros(1, 1, 32, 32, 32)
    return Pair(empty, empty, None, None, empty, empty, grid, to_fixed, to_moving)


def points_of(grid: Grid, count: int = 400) -> np.ndarray:
    share = np.random.default_rng(0).uniform(0.2, 0.8, (count, 3))
    return apply(grid.voxel_to_world, share * (np.array(grid.shape) - 1))


def test_without_any_motion_the_map_is_the_affine(pair):
    zero = torch.zeros(1, 3, 32, 32, 32)
    forward = compose_fields(pair, HalfWay(zero, zero, zero, zero), FIXED, MOVING).forward
    points = points_of(FIXED)
    expected = apply(pair.to_moving @ np.linalg.inv(pair.to_fixed), points)
    assert np.allclose(forward.map_points(points), expected, atol=1e-3)


def test_the_sampled_field_is_the_chain_followed_point_by_point(pair, maps):
    fields, (forward, inverse) = compose_fields(pair, maps, FIXED, MOVING), chains(pair, maps)
    for field, chain, grid in ((fields.forward, forward, FIXED), (fields.inverse, inverse, MOVING)):
        points = points_of(grid)
        assert np.abs(field.map_points(points) - chain.map_points(points)).max() < 0.05


def test_forward_and_inverse_undo_each_other(pair, maps):
    fields = compose_fields(pair, maps, FIXED, MOVING)
    points = points_of(FIXED)
    assert np.linalg.norm(fields.inverse.map_points(fields.forward.map_points(points)) - points, axis=1).max() < 0.1


def test_at_image_voxels_the_fields_undo_each_other_as_well_as_they_can(pair, maps, monkeypatch):
    """With the samples at the voxels themselves they do less well."""

    def error() -> float:
        fields = compose_fields(pair, maps, FIXED, MOVING)
        index = np.moveaxis(np.indices(FIXED.shape), 0, -1)[4:-4, 4:-4, 4:-4].reshape(-1, 3)
        points = apply(FIXED.voxel_to_world, index)
        return np.linalg.norm(fields.inverse.map_points(fields.forward.map_points(points)) - points, axis=1).mean()

    between = error()
    monkeypatch.setattr("sitreg_engine.compose._BETWEEN", 0.0)
    assert between < 0.75 * error()


def test_each_field_covers_its_image_and_what_the_other_map_sends_there(pair, maps):
    fields = compose_fields(pair, maps, FIXED, MOVING)
    for field, image in ((fields.forward, FIXED), (fields.inverse, MOVING)):
        voxels = apply(field.grid.world_to_voxel, image.corners())
        assert voxels.min() >= 0 and (voxels <= np.array(field.grid.shape) - 1).all()
    arrived = apply(fields.inverse.grid.world_to_voxel, fields.forward.map_points(FIXED.corners()))
    assert arrived.min() >= 0 and (arrived <= np.array(fields.inverse.grid.shape) - 1).all()


@pytest.mark.parametrize(
    ("own", "wanted", "step"),
    [(1.0, 1.1, 1.0), (0.5, 1.0, 1.0), (5.0, 1.0, 1.0), (0.7, 2.0, 2.1), (2.0, 1.4, 4 / 3), (3.0, 1.2, 1.2)],
)
def test_image_voxels_lie_where_interpolation_errs_by_its_average(own, wanted, step):
    image = Grid((12, 12, 12), (own,) * 3, (3.0, -2.0, 1.0), tuple(TURN.ravel()))
    grid = field_grid(image, wanted, image.corners())
    assert grid.spacing == pytest.approx((step,) * 3)
    voxels = apply(grid.world_to_voxel @ image.voxel_to_world, np.moveaxis(np.indices(image.shape), 0, -1))
    between = voxels - np.floor(voxels)
    assert (between * (1 - between) / 2).mean() == pytest.approx(1 / 12, rel=1e-3)


def test_the_samples_of_a_field_do_not_depend_on_the_order_of_the_axes():
    other = np.diag([-1.0, 1.0, -1.0])[[1, 2, 0]]  # axes swapped and turned round
    shape = tuple(int(n) for n in np.abs(other) @ FIXED.shape)
    spacing = tuple(map(float, np.abs(other) @ FIXED.spacing))
    last = (np.abs(other) @ FIXED.shape - 1) * (other.sum(axis=1) < 0)
    direction = other.T
    origin = np.array(FIXED.origin) - direction @ (last * spacing)
    turned = Grid(shape, spacing, tuple(map(float, origin)), tuple(direction.ravel()))
    assert np.allclose(np.sort(turned.corners(), axis=0), np.sort(FIXED.corners(), axis=0))
    first, second = (field_grid(image, 2.0, image.corners()) for image in (FIXED, turned))
    index = apply(second.world_to_voxel, np.array([first.origin]))
    assert np.allclose(index, np.rint(index), atol=1e-6)


def test_a_far_away_image_does_not_blow_up_the_field():
    far = FIXED.corners() + 5000.0
    grid = field_grid(FIXED, 2.0, far)
    assert np.prod(grid.shape) < 4 * np.prod(FIXED.shape)


def test_points_are_found_in_the_half_way_space(pair, maps):
    forward, _ = chains(pair, maps)
    middle = forward.half_way(np.array([FIXED.centre]))
    expected = 15.5 + maps.right_inverse[0, :, 15:17, 15:17, 15:17].mean(dim=(1, 2, 3)).numpy()
    assert np.allclose(middle[0], expected, atol=0.2)


def test_all_that_lies_in_the_working_grid_is_in_the_dense_boxes(pair, maps):
    fields = compose_fields(pair, maps, FIXED, MOVING)
    for field, box, to_image in zip(
        (fields.forward, fields.inverse), dense_boxes(pair, fields), (pair.to_fixed, pair.to_moving), strict=True
    ):
        index = np.argwhere(np.ones(field.grid.shape, bool))
        voxels = apply(pair.grid.world_to_voxel @ np.linalg.inv(to_image) @ field.grid.voxel_to_world, index)
        dense = ((voxels >= 0) & (voxels <= 31)).all(axis=1)
        boxed = np.all([(i >= s.start) & (i < s.stop) for i, s in zip(index.T, box, strict=True)], axis=0)
        assert dense.any() and boxed[dense].all()


def test_fields_outside_the_working_grid_have_empty_dense_boxes(pair, maps):
    fields = compose_fields(dataclasses.replace(pair, to_fixed=np.eye(4)), maps, FIXED, MOVING)
    away = np.eye(4)
    away[:3, 3] = 5000.0
    box, _ = dense_boxes(dataclasses.replace(pair, to_fixed=away), fields)
    assert all(part.start == part.stop for part in box)
