"""The Jacobian determinant and the folds of a displacement field, against maps whose determinant is known."""

import numpy as np
import pytest
import SimpleITK as sitk

from sitreg_engine.errors import InputError
from sitreg_engine.fields import DisplacementField
from sitreg_engine.geometry import Grid, apply
from sitreg_engine.images import Volume, from_sitk, to_sitk
from sitreg_engine.quality.jacobian import folds, jacobian_maps, jacobian_measures, jacobian_on

TURN = np.linalg.qr(np.array([[2.0, 0.3, -0.4], [0.5, 1.5, 0.2], [-0.1, 0.6, 1.8]]))[0]
FRAMES = {
    "identity": np.eye(3),
    "oblique": TURN * np.sign(np.linalg.det(TURN)),
    "left-handed": np.eye(3)[:, [1, 0, 2]],
    "left-handed oblique": -TURN * np.sign(np.linalg.det(TURN)),
}


def grid_in(frame: str, shape=(9, 10, 11), spacing=(1.0, 2.5, 0.7)) -> Grid:
    return Grid(shape, spacing, (-7.0, 3.0, 11.0), tuple(FRAMES[frame].ravel()))


def field_of(function, grid: Grid) -> DisplacementField:
    points = apply(grid.voxel_to_world, np.moveaxis(np.indices(grid.shape), 0, -1))
    vectors = np.moveaxis(function(points) - points, -1, 0)
    return DisplacementField(np.ascontiguousarray(vectors, dtype=np.float32), grid)


def identity_field(grid: Grid) -> DisplacementField:
    return DisplacementField(np.zeros((3, *grid.shape), np.float32), grid)


def by_name(measures) -> dict:
    assert len({m.name for m in measures}) == len(measures)
    return {m.name: m for m in measures}


@pytest.mark.parametrize("frame", FRAMES)
def test_an_affine_map_has_the_determinant_of_its_matrix_in_every_frame(frame):
    matrix = np.array([[1.2, 0.1, -0.3], [0.05, 0.8, 0.2], [0.0, -0.4, 1.1]])
    maps = jacobian_maps(field_of(lambda x: x @ matrix.T + 5.0, grid_in(frame)))
    assert np.allclose(maps.central, np.linalg.det(matrix), atol=1e-4)
    assert np.allclose(maps.smallest, np.linalg.det(matrix), atol=1e-4)


@pytest.mark.parametrize("frame", FRAMES)
def test_a_mirroring_map_folds_everywhere_in_every_frame(frame):
    maps = jacobian_maps(field_of(lambda x: x * [-1.0, 1.0, 1.0], grid_in(frame)))
    assert folds(maps.central).all() and folds(maps.smallest).all()


@pytest.mark.parametrize("frame", FRAMES)
def test_a_twist_keeps_volume_in_every_frame(frame):
    grid = grid_in(frame, (24, 24, 24), (0.5, 0.5, 0.5))

    def twist(x):
        p = x - grid.centre
        angle = 0.8 * np.exp(-np.sum(p[..., :2] ** 2, axis=-1) / 18.0)
        c, s = np.cos(angle), np.sin(angle)
        turned = np.stack([c * p[..., 0] - s * p[..., 1], s * p[..., 0] + c * p[..., 1], p[..., 2]], axis=-1)
        return turned + grid.centre

    maps = jacobian_maps(field_of(twist, grid))
    inner = (slice(1, -1),) * 3  # one-sided differences at the border are of first order only
    assert np.abs(maps.central[inner] - 1).max() < 0.01
    assert 0.8 < maps.smallest.min() < 1.01


def test_a_wave_has_the_analytic_determinant_also_where_slabs_meet():
    grid = Grid((140, 64, 64), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), tuple(np.eye(3).ravel()))  # more than one slab

    def wave(x):
        return x + 3.0 * np.sin(x[..., :1] / 8.0) * [1.0, 0.0, 0.0]

    truth = 1 + 3.0 / 8.0 * np.cos(np.arange(140) / 8.0)
    maps = jacobian_maps(field_of(wave, grid))
    assert np.abs(maps.central[1:-1] - truth[1:-1, None, None]).max() < 2e-3
    steps = np.diff(np.arange(140) + 3.0 * np.sin(np.arange(140) / 8.0))
    sides = np.minimum(np.append(steps, steps[-1]), np.insert(steps, 0, steps[0]))
    assert np.abs(maps.smallest - sides[:, None, None]).max() < 1e-4


def test_the_smallest_is_the_minimum_of_the_eight_determinants_written_out():
    rng = np.random.default_rng(3)
    grid = grid_in("left-handed oblique", (5, 4, 6))
    field = DisplacementField(rng.normal(0, 0.6, (3, *grid.shape)).astype(np.float32), grid)
    points = apply(grid.voxel_to_world, np.moveaxis(np.indices(grid.shape), 0, -1)) + np.moveaxis(field.vectors, 0, -1)
    at = np.array([2, 2, 3])
    values = []
    for signs in np.ndindex(2, 2, 2):
        columns = []
        for axis, sign in enumerate(signs):
            step = np.eye(3, dtype=int)[axis] * (1 if sign else -1)
            columns.append((points[tuple(at + step)] - points[tuple(at)]) * step.sum())
        values.append(np.linalg.det(np.stack(columns, 1)) / np.linalg.det(grid.voxel_to_world[:3, :3]))
    assert jacobian_maps(field).smallest[tuple(at)] == pytest.approx(min(values), abs=1e-4)


def test_a_fold_that_central_differences_hide_is_found_by_one_sided_ones():
    grid = grid_in("identity", (9, 9, 9), (1.0, 1.0, 1.0))
    field = identity_field(grid)
    field.vectors[0, 4, 4, 4] = 1.2  # steps along i: ..., 1, 2.2, -0.2, 1, ...: the two average to 1
    maps = jacobian_maps(field)
    assert not folds(maps.central).any()
    assert folds(maps.smallest)[4, 4, 4]
    measures = by_name(jacobian_measures(maps))
    assert measures["forward_folds_central"].value == 0
    assert measures["forward_folds"].value == np.count_nonzero(folds(maps.smallest)) > 0


def test_nan_counts_as_folded():
    field = identity_field(grid_in("oblique"))
    field.vectors[1, 4, 4, 4] = np.nan
    measures = by_name(jacobian_measures(jacobian_maps(field)))
    assert measures["forward_folds_central"].value == 7  # the voxel and its six neighbours
    assert measures["forward_folds"].value == 7
    assert measures["forward_jacobian_min"].value == pytest.approx(1.0, abs=1e-5)


def test_a_field_of_nan_is_one_big_fold():
    grid = grid_in("identity")
    field = DisplacementField(np.full((3, *grid.shape), np.nan, np.float32), grid)
    measures = by_name(jacobian_measures(jacobian_maps(field)))
    assert measures["forward_folds_percent"].value == 100
    assert np.isnan(measures["forward_jacobian_std_log"].value)


def test_in_identity_direction_it_agrees_with_simpleitk():
    rng = np.random.default_rng(0)
    grid = grid_in("identity", (12, 11, 10), (1.3, 0.8, 2.0))
    field = DisplacementField(rng.normal(0, 0.5, (3, *grid.shape)).astype(np.float32), grid)
    theirs = from_sitk(sitk.DisplacementFieldJacobianDeterminant(to_sitk(field.vectors, grid))).array
    inner = (slice(1, -1),) * 3  # SimpleITK sets the field to its edge beyond the border, halving the differences there
    assert np.allclose(jacobian_maps(field).central[inner], theirs[inner], atol=1e-4)


def test_folds_have_a_count_a_share_and_a_volume_inside_a_mask():
    grid = grid_in("left-handed", (10, 10, 10), (1.0, 2.0, 3.0))
    field = identity_field(grid)
    field.vectors[:, 2, 2, 2] = np.nan
    field.vectors[:, 7, 7, 7] = np.nan
    inside = np.zeros(grid.shape, np.uint8)
    inside[:5] = 1
    measures = by_name(jacobian_measures(jacobian_maps(field), "inverse", Volume(inside, grid)))
    assert measures["inverse_folds"].value == 14
    assert measures["inverse_folds_in_mask"].value == 7
    assert measures["inverse_folds_percent_in_mask"].value == pytest.approx(100 * 7 / 500)
    assert measures["inverse_folds_ml_in_mask"].value == pytest.approx(7 * 6 / 1000)
    assert measures["inverse_folds_ml_in_mask"].unit == "ml"


def test_a_mask_on_another_grid_is_looked_up_in_the_world():
    grid = grid_in("oblique", (10, 10, 10), (1.0, 1.0, 1.0))
    field = identity_field(grid)
    field.vectors[:, 2, 2, 2] = np.nan
    corner = tuple(map(float, apply(grid.voxel_to_world, np.array([1.0, 1.0, 1.0]))))
    small = Grid((3, 3, 3), grid.spacing, corner, grid.direction)
    measures = by_name(jacobian_measures(jacobian_maps(field), mask=Volume(np.ones((3, 3, 3), np.uint8), small)))
    assert measures["forward_folds_in_mask"].value == 7
    assert measures["forward_folds_percent_in_mask"].value == pytest.approx(100 * 7 / 27)


def test_an_empty_mask_gives_nan_and_not_an_error():
    grid = grid_in("identity")
    maps = jacobian_maps(identity_field(grid))
    measures = by_name(jacobian_measures(maps, mask=Volume(np.zeros(grid.shape, np.uint8), grid)))
    assert measures["forward_folds_in_mask"].value == 0
    assert np.isnan(measures["forward_jacobian_min_in_mask"].value)


def test_the_spread_of_the_logarithm_is_that_of_a_known_map():
    grid = grid_in("identity", (40, 8, 8), (1.0, 1.0, 1.0))
    maps = jacobian_maps(field_of(lambda x: x + 2.0 * np.sin(x[..., :1] / 5.0) * [1.0, 0, 0], grid))
    truth = np.log(1 + 0.4 * np.cos((np.arange(40) - 7.0) / 5.0)).std()
    assert by_name(jacobian_measures(maps))["forward_jacobian_std_log"].value == pytest.approx(truth, rel=0.02)


def test_on_a_part_of_its_own_lattice_the_map_is_cut_out():
    rng = np.random.default_rng(1)
    grid = grid_in("left-handed oblique")
    maps = jacobian_maps(DisplacementField(rng.normal(0, 0.2, (3, *grid.shape)).astype(np.float32), grid))
    corner = tuple(map(float, apply(grid.voxel_to_world, np.array([2.0, 3.0, 1.0]))))
    part = Grid((4, 5, 6), grid.spacing, corner, grid.direction)
    assert np.array_equal(jacobian_on(maps, part), maps.central[2:6, 3:8, 1:7])


def test_marked_folds_are_exactly_the_voxels_that_are_not_positive():
    rng = np.random.default_rng(1)
    grid = grid_in("oblique", (8, 8, 8))
    field = DisplacementField(rng.normal(0, 0.3, (3, *grid.shape)).astype(np.float32), grid)
    field.vectors[0, 4, 4, 4] = np.nan
    maps = jacobian_maps(field)
    marked, plain = jacobian_on(maps, grid, mark_folds=True), jacobian_on(maps, grid)
    folded = folds(maps.smallest)
    assert np.array_equal(folds(marked), folded)
    assert np.count_nonzero(folded) > np.count_nonzero(folds(plain)) > 0
    assert np.array_equal(marked[~folded], plain[~folded])


def test_no_fold_is_lost_between_the_voxels_of_another_grid():
    grid = grid_in("oblique", (8, 8, 8))
    field = DisplacementField(np.zeros((3, *grid.shape), np.float32), grid)
    field.vectors[:, 4, 4, 4] = 1.2 * np.array(grid.direction).reshape(3, 3)[:, 0] * grid.spacing[0]
    maps = jacobian_maps(field)
    between = Grid(grid.shape, grid.spacing, tuple(apply(grid.voxel_to_world, np.full(3, -0.2))), grid.direction)
    marked, plain = jacobian_on(maps, between, mark_folds=True), jacobian_on(maps, between)
    beside = np.argwhere(folds(maps.smallest))
    assert len(beside) > 0
    assert folds(marked[tuple(beside.T)]).all() and folds(marked[tuple((beside + 1).T)]).all()
    far = np.ones(grid.shape, bool)
    far[3:7, 3:7, 3:7] = False
    assert np.array_equal(marked[far], plain[far])


def test_on_another_grid_the_map_is_interpolated_in_the_world():
    grid = grid_in("oblique", (30, 12, 40), (1.0, 2.5, 0.7))
    other = Grid((6, 6, 6), (0.9, 0.9, 0.9), tuple(grid.centre - 2.0), tuple(np.eye(3).ravel()))
    field = field_of(lambda x: x + 0.01 * (x - grid.centre) ** 2, grid)
    points = apply(other.voxel_to_world, np.moveaxis(np.indices(other.shape), 0, -1))
    truth = np.prod(1 + 0.02 * (points - grid.centre), axis=-1)
    assert np.abs(jacobian_on(jacobian_maps(field), other) - truth).max() < 2e-3


def test_a_field_of_one_slice_is_refused():
    with pytest.raises(InputError, match="at least 2 voxels"):
        jacobian_maps(identity_field(grid_in("identity", (5, 1, 5))))
