"""The voxels of a box: in slabs, as parts of another box, and placed by a matrix."""

from itertools import permutations

import numpy as np
import pytest

from sitreg_engine.geometry import Grid, apply
from sitreg_engine.lattices import (
    axes_along,
    box_around,
    cut_out,
    in_parts,
    in_slabs,
    lattice,
    overlap_of,
    part_of,
    placed,
    slab_boxes,
    slabs,
    turned,
    voxels_around,
    with_axes,
)

TURN = np.linalg.qr(np.array([[2.0, 0.3, -0.4], [0.5, 1.5, 0.2], [-0.1, 0.6, 1.8]]))[0]
GRID = Grid((14, 12, 10), (1.1, 1.5, 2.0), (-8.0, -7.0, -9.0), tuple(-TURN.ravel()))


def at(start: tuple[float, ...], shape: tuple[int, int, int], step: int = 1) -> Grid:
    """Voxels of the lattice of GRID from an index on, every step-th along each axis."""
    origin = tuple(map(float, apply(GRID.voxel_to_world, np.array(start))))
    return Grid(shape, tuple(step * s for s in GRID.spacing), origin, GRID.direction)


def indices() -> np.ndarray:
    return np.arange(np.prod(GRID.shape)).reshape(GRID.shape)


def world(grid: Grid) -> np.ndarray:
    return apply(grid.voxel_to_world, np.moveaxis(np.indices(grid.shape), 0, -1))


# ---- slabs


@pytest.mark.parametrize("shape, voxels", [((10, 4, 4), 48), ((7, 100, 100), 50), ((1, 1, 1), 10)])
def test_slabs_cover_every_row_once(shape, voxels):
    assert [i for part in slabs(shape, voxels) for i in range(part.start, part.stop)] == list(range(shape[0]))


def test_work_in_slabs_comes_back_in_order():
    parts = in_slabs(lambda rows: (rows.start, rows.stop), (20, 3, 3), voxels=27)
    assert parts == [(n, min(n + 3, 20)) for n in range(0, 20, 3)]


@pytest.mark.parametrize("shape", [(0, 0, 0), (0, 4, 4)])
def test_nothing_is_no_work(shape):
    assert in_slabs(lambda rows: rows, shape) == []


def test_large_work_asks_now_and_then_whether_to_go_on():
    asked = []
    in_slabs(lambda rows: None, (64, 512, 512), lambda: asked.append(1))
    assert len(asked) == 4  # 16 million voxels


def test_work_in_slabs_stops_when_asked_to():
    done = []

    def stop() -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        in_slabs(done.append, (64, 512, 512), stop)
    assert 0 < len(done) < 64


# ---- parts

TURNED = np.block([[1.3 * TURN, np.array([[4.0], [-90.0], [31.0]])], [np.zeros((1, 3)), np.ones((1, 1))]])


def members(part) -> list[int]:
    return indices()[tuple(axis if isinstance(axis, slice) else axis.numpy() for axis in part)].ravel().tolist()


def test_the_slabs_of_a_box_hold_its_voxels_once():
    box = (slice(3, 9), slice(0, 12), slice(4, 7))
    assert sorted(n for part in slab_boxes(box) for n in members(part)) == members(box)
    large = slab_boxes((slice(10, 40), slice(0, 512), slice(5, 517)))
    assert len(large) == 30 and large[0][0] == slice(10, 11) and large[-1] == (slice(39, 40), *large[0][1:])
    assert slab_boxes((slice(0, 0),) * 3) == []


@pytest.mark.parametrize("points", [[[5.2, 6.9, 3.0]], [[0.0, 0.0, 0.0], [13.0, 11.0, 9.0], [13.0, 11.0, 9.0]]])
def test_all_voxels_around_points_are_found_once_and_none_far_away(points):
    found = [n for part in voxels_around(np.array(points), GRID.shape, 2) for n in members(part)]
    distance = np.abs(np.moveaxis(np.indices(GRID.shape), 0, -1)[..., None, :] - points).max(axis=-1).min(axis=-1)
    assert len(found) == len(set(found))
    assert set(indices()[distance <= 2].tolist()) <= set(found) <= set(indices()[distance <= 6].tolist())


@pytest.mark.parametrize("points", [np.empty((0, 3)), np.array([[40.0, 4.0, 4.0], [-9.0, 2.0, 2e9]])])
def test_there_is_nothing_around_no_points_or_those_far_outside(points):
    assert [n for part in voxels_around(points, GRID.shape, 3) for n in members(part)] == []


def test_the_voxels_of_a_part_are_placed_by_a_matrix():
    box = (slice(2, 9), slice(1, 5), slice(3, 10))
    for part in (box, *voxels_around(np.array([[4.0, 4.0, 4.0]]), GRID.shape, 3)):
        chosen = np.stack([axis[tuple(p if isinstance(p, slice) else p.numpy() for p in part)] for axis in
                           np.indices(GRID.shape)])  # fmt: skip
        expected = np.moveaxis(apply(TURNED, np.moveaxis(chosen, 0, -1)), -1, 0)
        assert np.allclose(placed(TURNED, part).numpy(), expected, atol=1e-4)


def test_work_in_parts_comes_back_in_order_and_stops_when_asked_to():
    parts, done = slab_boxes((slice(0, 64), slice(0, 512), slice(0, 512))), []
    assert in_parts(lambda part: part[0].start, parts) == list(range(64))

    def stop() -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        in_parts(done.append, parts, stop)
    assert 0 < len(done) < 64


# ---- boxes on one lattice


def test_a_part_of_a_lattice_is_recognised():
    assert indices()[part_of(GRID, GRID)].shape == GRID.shape
    part = part_of(GRID, at((2, 3, 1), (4, 5, 6)))
    assert np.array_equal(indices()[part], indices()[2:6, 3:8, 1:7])


def test_every_second_voxel_is_a_part_too():
    part = part_of(GRID, at((1, 0, 1), (6, 6, 4), step=2))
    assert np.array_equal(indices()[part], indices()[1:12:2, 0:12:2, 1:8:2])


@pytest.mark.parametrize("start", [(-1, 2, 2), (10, 2, 2)])
def test_a_box_that_sticks_out_is_no_part(start):
    assert part_of(GRID, at(start, (5, 5, 5))) is None


def test_another_lattice_is_none():
    stretched = Grid(GRID.shape, tuple(1.001 * s for s in GRID.spacing), GRID.origin, GRID.direction)
    mirrored = Grid(GRID.shape, GRID.spacing, GRID.origin, tuple(-d for d in GRID.direction))
    for other in (stretched, mirrored, at((0.5, 0, 0), (4, 4, 4))):
        assert part_of(GRID, other) is None and overlap_of(GRID, other) is None
    assert overlap_of(GRID, at((0, 0, 0), (3, 3, 3), step=2)) is None


@pytest.mark.parametrize("start, shape", [((-2, 3, -1), (20, 4, 30)), ((2, 2, 2), (3, 3, 3)), ((50, 0, 0), (4, 4, 4))])
def test_what_two_boxes_share_lies_at_the_same_places_in_both(start, shape):
    onto = at(start, shape)
    here, there = overlap_of(GRID, onto)
    assert np.allclose(world(GRID)[here], world(onto)[there])
    shared = [max(0, min(n, s + m) - max(s, 0)) for s, m, n in zip(start, shape, GRID.shape, strict=True)]
    assert [s.stop - s.start for s in here] == shared


def test_a_cut_grid_is_where_the_cut_voxels_are():
    box = (slice(3, 11, 2), slice(None, None, 3), slice(1, 5))
    found = cut_out(GRID, box)
    assert np.allclose(world(found), world(GRID)[box])


def test_an_empty_cut_is_an_empty_grid():
    assert cut_out(GRID, (slice(0, 0),) * 3).shape == (0, 0, 0)


def test_the_box_around_what_is_chosen():
    chosen = np.zeros(GRID.shape, bool)
    assert chosen[box_around(chosen)].size == 0
    chosen[4, 5, 6] = chosen[9, 7, 3] = True
    assert box_around(chosen) == (slice(4, 10), slice(5, 8), slice(3, 7))
    assert box_around(chosen, 4) == (slice(0, 14), slice(1, 12), slice(0, 10))


# ---- axes


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_grid_with_other_axes_holds_the_same_places(order):
    assert np.allclose(world(with_axes(GRID, order)), world(GRID).transpose(*order, 3))


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_axes_are_found_that_run_along_those_of_another_grid(order):
    tilted = np.array([[0.95, 0.25, 0.1], [-0.25, 0.96, -0.05], [-0.1, 0.03, 0.99]])
    other = with_axes(Grid((5, 6, 7), (2.0, 0.5, 1.0), (0.0, 0.0, 0.0), tuple((-TURN @ tilted).ravel())), order)
    assert axes_along(GRID, other.world_to_voxel) == order


# ---- places


def test_a_lattice_is_the_matrix_applied_to_every_index():
    found = lattice(GRID.voxel_to_world, GRID.shape, slice(2, 5))
    assert np.allclose(np.moveaxis(found.numpy(), 0, -1), world(GRID)[2:5], atol=1e-5)


def test_vectors_are_turned_by_the_linear_part_alone():
    vectors = lattice(np.eye(4), GRID.shape, slice(0, 3))
    expected = np.moveaxis(np.moveaxis(vectors.numpy(), 0, -1) @ GRID.voxel_to_world[:3, :3].T, -1, 0)
    assert np.allclose(turned(GRID.voxel_to_world, vectors).numpy(), expected, atol=1e-4)
