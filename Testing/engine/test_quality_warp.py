"""Images and labels through a field, against SimpleITK's resampling with the same field."""

import numpy as np
import pytest
import SimpleITK as sitk

from sitreg_engine.fields import DisplacementField
from sitreg_engine.geometry import Grid, apply
from sitreg_engine.images import Volume, from_sitk, to_sitk
from sitreg_engine.lattices import part_of, with_axes
from sitreg_engine.quality.sampling import displacements, mask_on
from sitreg_engine.quality.warp import align_image, align_labels, warp_image, warp_labels

TURN = np.linalg.qr(np.array([[2.0, 0.3, -0.4], [0.5, 1.5, 0.2], [-0.1, 0.6, 1.8]]))[0]
FIXED = Grid((14, 12, 10), (1.1, 1.5, 2.0), (-8.0, -7.0, -9.0), tuple(-TURN.ravel()))
MOVING = Grid((15, 13, 16), (1.2, 1.0, 1.3), (10.0, -6.0, 9.0), tuple((TURN @ np.diag([-1.0, 1, -1])).ravel()))


def centred(grid: Grid) -> Grid:
    """The grid moved so that its middle is the world's origin."""
    move = np.eye(4)
    move[:3, 3] = -grid.centre
    return grid.transformed(move)


FIXED, MOVING = centred(FIXED), centred(MOVING)


def wider(grid: Grid, margin: int) -> Grid:
    """The same lattice with `margin` more voxels on each side."""
    origin = tuple(map(float, apply(grid.voxel_to_world, np.full(3, -float(margin)))))
    return Grid(tuple(n + 2 * margin for n in grid.shape), grid.spacing, origin, grid.direction)


def smooth_field(grid: Grid, size: float = 2.0) -> DisplacementField:
    points = apply(grid.voxel_to_world, np.moveaxis(np.indices(grid.shape), 0, -1))
    vectors = size * np.stack([np.sin(points[..., (c + 1) % 3] / 4 + c) for c in range(3)])
    return DisplacementField(vectors.astype(np.float32), grid)


def random_image(grid: Grid, seed: int = 0) -> Volume:
    return Volume(np.random.default_rng(seed).normal(100, 20, grid.shape).astype(np.float32), grid)


def random_labels(grid: Grid, dtype=np.int16) -> Volume:
    return Volume(np.random.default_rng(5).integers(1, 90, grid.shape).astype(dtype), grid)


def by_itk(moving: Volume, field: DisplacementField, onto: Grid, interpolator: int, background: float) -> np.ndarray:
    vectors = sitk.Cast(to_sitk(field.vectors, field.grid), sitk.sitkVectorFloat64)
    transform = sitk.DisplacementFieldTransform(vectors)
    reference = to_sitk(np.zeros(onto.shape, np.uint8), onto)
    image = to_sitk(moving.array, moving.grid)
    return from_sitk(sitk.Resample(image, reference, transform, interpolator, background)).array


@pytest.mark.parametrize("field", [smooth_field(FIXED), smooth_field(wider(FIXED, 3)), smooth_field(wider(MOVING, 9))])
def test_an_image_is_warped_as_itk_does(field):
    moving = random_image(MOVING)
    theirs = by_itk(moving, field, FIXED, sitk.sitkLinear, -5.0)
    ours = warp_image(moving, field, FIXED, -5.0)
    differs = np.abs(ours - theirs) > 0.01
    assert 0 < np.count_nonzero(theirs == -5.0) < theirs.size / 2  # the case has an outside
    assert np.count_nonzero(differs) <= 2  # a voxel may fall on the very edge of the field of view


@pytest.mark.parametrize("field", [smooth_field(FIXED), smooth_field(wider(FIXED, 3)), smooth_field(wider(MOVING, 9))])
def test_labels_are_warped_as_itk_does(field):
    moving = random_labels(MOVING)
    theirs = by_itk(moving, field, FIXED, sitk.sitkNearestNeighbor, 0)
    ours = warp_labels(moving, field, FIXED)
    assert np.count_nonzero(ours != theirs) <= 2
    assert ours.dtype == np.int16


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64])
def test_labels_are_never_blended_and_keep_their_type(dtype):
    moving = Volume(np.where(np.indices(MOVING.shape)[0] > 6, 100, 7).astype(dtype), MOVING)
    warped = warp_labels(moving, smooth_field(FIXED), FIXED)
    assert warped.dtype == dtype
    assert set(np.unique(warped)) == {0, 7, 100}


def test_large_label_values_survive():
    moving = Volume(np.full(MOVING.shape, 2**24 + 1, np.int32), MOVING)
    assert set(np.unique(warp_labels(moving, smooth_field(FIXED), FIXED))) == {0, 2**24 + 1}


def test_a_field_of_zeros_gives_the_image_back_bit_for_bit():
    moving = random_image(MOVING)
    zeros = DisplacementField(np.zeros((3, *MOVING.shape), np.float32), MOVING)
    assert np.allclose(warp_image(moving, zeros, MOVING), moving.array, atol=1e-3)
    labels = random_labels(MOVING)
    assert np.array_equal(warp_labels(labels, zeros, MOVING), labels.array)


def test_beyond_the_moving_image_lies_its_minimum_or_zero():
    far = DisplacementField(np.full((3, *FIXED.shape), 500.0, np.float32), FIXED)
    moving = random_image(MOVING)
    assert np.all(warp_image(moving, far, FIXED) == moving.array.min())
    assert np.all(warp_labels(random_labels(MOVING), far, FIXED) == 0)


def test_nan_in_the_field_gives_background_and_not_noise():
    field = smooth_field(FIXED, 0.1)
    field.vectors[0, 7, 6, 5] = np.nan
    assert warp_image(random_image(MOVING), field, FIXED, -1.0)[7, 6, 5] == -1.0
    assert warp_labels(random_labels(MOVING), field, FIXED)[7, 6, 5] == 0


def test_cutting_the_field_equals_sampling_it():
    field = smooth_field(wider(FIXED, 2))
    nudged = Grid(FIXED.shape, FIXED.spacing, tuple(o + 0.01 for o in FIXED.origin), FIXED.direction)
    assert part_of(field.grid, FIXED) is not None and part_of(field.grid, nudged) is None
    cut, sampled = displacements(field, FIXED, slice(0, 14)), displacements(field, nudged, slice(0, 14))
    assert (cut - sampled).abs().max() < 0.02


@pytest.mark.parametrize("interpolator", [sitk.sitkLinear, sitk.sitkNearestNeighbor])
def test_an_affine_alone_warps_as_itk_does(interpolator):
    matrix = np.eye(4)
    matrix[:3, :3] = TURN @ np.diag([1.1, 0.9, 1.0])
    matrix[:3, 3] = (1.0, -2.0, 0.5)
    linear = interpolator == sitk.sitkLinear
    moving = random_image(MOVING) if linear else random_labels(MOVING)
    affine = sitk.AffineTransform(matrix[:3, :3].ravel().tolist(), matrix[:3, 3].tolist())
    reference = to_sitk(np.zeros(FIXED.shape, np.uint8), FIXED)
    beyond = float(moving.array.min()) if linear else 0.0
    theirs = from_sitk(sitk.Resample(to_sitk(moving.array, MOVING), reference, affine, interpolator, beyond)).array
    ours = (align_image if linear else align_labels)(moving, matrix, FIXED)
    assert ours.dtype == moving.array.dtype
    assert np.count_nonzero(np.abs(ours - theirs) > 0.01) <= 2


def test_a_mask_on_its_own_grid_is_itself_and_false_beyond():
    mask = Volume((np.random.default_rng(2).random(FIXED.shape) > 0.5).astype(np.uint8) * 3, FIXED)
    assert np.array_equal(mask_on(mask, FIXED), mask.array != 0)
    around = mask_on(mask, wider(FIXED, 2))
    assert np.array_equal(around[2:-2, 2:-2, 2:-2], mask.array != 0)
    assert np.count_nonzero(around) == np.count_nonzero(mask.array)


def test_a_long_image_is_the_same_in_one_slab_or_many():
    grid = Grid((150, 64, 64), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), tuple(np.eye(3).ravel()))
    moving = Volume(np.indices(grid.shape, dtype=np.float32).sum(axis=0), grid)
    shift = np.zeros((3, *grid.shape), np.float32)
    shift[0] = 1.0
    warped = warp_image(moving, DisplacementField(shift, grid), grid)
    assert np.allclose(warped[:-1], moving.array[1:], atol=1e-3)


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)])
def test_the_order_of_the_moving_axes_does_not_matter(order):
    moving, field = random_image(MOVING), smooth_field(wider(FIXED, 2))
    stored = Volume(np.ascontiguousarray(moving.array.transpose(order)), with_axes(MOVING, order))
    expected, found = warp_image(moving, field, FIXED), warp_image(stored, field, FIXED)
    assert np.count_nonzero(np.abs(found - expected) > 0.01) <= 2
    assert np.abs(align_image(stored, np.eye(4), FIXED) - align_image(moving, np.eye(4), FIXED)).max() < 0.01


@pytest.mark.parametrize("order", [(1, 2, 0), (2, 1, 0)])
def test_a_field_with_a_coarser_grid_serves_any_order_of_axes(order):
    moving, field = random_image(MOVING), smooth_field(wider(MOVING, 9))
    stored = Volume(np.ascontiguousarray(moving.array.transpose(order)), with_axes(MOVING, order))
    expected, found = warp_image(moving, field, FIXED), warp_image(stored, field, FIXED)
    assert np.count_nonzero(np.abs(found - expected) > 0.01) <= 2
