"""Both images on one grid in the space half-way between them, the same whoever is fixed and however it is stored."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from sitreg_engine.affine import Alignment
from sitreg_engine.errors import AlignmentError
from sitreg_engine.geometry import apply
from sitreg_engine.images import Volume
from sitreg_engine.prepare import Pair, lay_out, make_pair
from sitreg_engine.scan import make_scan

SPACING = 4.0
STILL = Alignment(np.eye(4), "identity")


def paired(fixed: Volume, moving: Volume, alignment: Alignment, spacing: float = SPACING, *normalise) -> Pair:
    return make_pair(lay_out(make_scan(fixed), make_scan(moving), alignment), spacing, *normalise)


@pytest.fixture(scope="module")
def alignment(study) -> Alignment:
    return Alignment(study.matrix, "affine")


@pytest.fixture(scope="module")
def pair(study, alignment) -> Pair:
    return paired(study.fixed, study.moving, alignment)


def inverse(alignment: Alignment) -> Alignment:
    return Alignment(np.linalg.inv(alignment.matrix), alignment.kind)


def correlation(one: torch.Tensor, other: torch.Tensor) -> float:
    return float(torch.corrcoef(torch.stack([one.flatten(), other.flatten()]))[0, 1])


def test_the_maps_make_up_the_alignment(pair, study):
    assert np.allclose(pair.to_moving @ np.linalg.inv(pair.to_fixed), study.matrix, atol=1e-10)


def test_neither_image_is_favoured(pair):
    lengths = [np.linalg.det(matrix[:3, :3]) for matrix in (pair.to_fixed, pair.to_moving)]
    assert lengths[0] * lengths[1] == pytest.approx(1.0)


def test_the_grid_is_isotropic_upright_and_divisible_by_16(pair):
    assert pair.grid.spacing == (SPACING,) * 3
    assert np.array_equal(np.array(pair.grid.direction).reshape(3, 3), np.eye(3))
    assert all(n % 16 == 0 for n in pair.grid.shape)


def test_all_tensors_are_on_the_grid(pair):
    for tensor in (pair.fixed, pair.moving, pair.fixed_inside, pair.moving_inside):
        assert tensor.shape == (1, 1, *pair.grid.shape)
        assert tensor.dtype == torch.float32
    assert pair.fixed_mask is None
    assert pair.moving_mask is None


def test_values_are_those_of_the_body(alignment, tools):
    study = tools.make_study((2.5, 2.5, 2.5))
    raw = paired(study.fixed, study.moving, alignment, 2.5, lambda volume, _: volume.array)
    index = np.argwhere(raw.fixed[0, 0].numpy() > 60)
    truth = tools.brightness(apply(study.matrix @ raw.to_fixed @ raw.grid.voxel_to_world, index))
    assert len(index) > 500
    assert np.abs(raw.fixed[0, 0].numpy()[tuple(index.T)] - truth).mean() < 1.0  # of 100
    assert np.abs(raw.moving[0, 0].numpy()[tuple(index.T)] - truth).mean() < 1.0


def test_the_aligned_images_agree(pair, study):
    apart = paired(study.fixed, study.moving, STILL)
    assert correlation(pair.fixed, pair.moving) > 0.995
    assert correlation(apart.fixed, apart.moving) < 0.95


def test_anatomy_is_never_cropped(pair, study):
    for volume, to_image in ((study.fixed, pair.to_fixed), (study.moving, pair.to_moving)):
        shown = apply(volume.grid.voxel_to_world, np.argwhere(volume.array > 5))
        places = apply(pair.grid.world_to_voxel @ np.linalg.inv(to_image), shown)
        assert (places >= 0).all()
        assert (places <= np.array(pair.grid.shape) - 1).all()


def test_swapping_the_images_swaps_the_tensors_and_nothing_else(pair, study, alignment):
    swapped = paired(study.moving, study.fixed, inverse(alignment))
    assert swapped.grid.shape == pair.grid.shape
    assert np.allclose(swapped.grid.origin, pair.grid.origin, atol=1e-9)
    assert np.allclose(swapped.to_fixed, pair.to_moving, atol=1e-10)
    assert torch.allclose(swapped.fixed, pair.moving, atol=1e-5)
    assert torch.allclose(swapped.moving, pair.fixed, atol=1e-5)
    assert torch.equal(swapped.fixed_inside, pair.moving_inside)


def test_every_storage_order_gives_the_same_pair(pair, study, alignment, tools, storage):
    found = paired(tools.stored(study.fixed, *storage), study.moving, alignment)
    assert found.grid.shape == pair.grid.shape
    assert np.allclose(found.to_fixed, pair.to_fixed, atol=1e-10)
    assert torch.allclose(found.fixed, pair.fixed, atol=1e-5)
    assert torch.allclose(found.moving, pair.moving, atol=1e-5)


def test_the_pair_does_not_change_when_both_headers_turn(pair, study, tools):
    world = tools.turn((1, 2, 3), 20)
    turned = Alignment(world @ study.matrix @ np.linalg.inv(world), "affine")
    found = paired(tools.placed(study.fixed, world), tools.placed(study.moving, world), turned)
    assert found.grid.shape == pair.grid.shape
    assert np.allclose(found.grid.origin, pair.grid.origin, atol=1e-9)
    assert np.allclose(found.to_moving, world @ pair.to_moving, atol=1e-9)
    assert torch.allclose(found.fixed, pair.fixed, atol=1e-5)


def test_beyond_the_field_of_view_there_is_nothing_to_show_and_it_is_marked(study, alignment):
    part = study.moving.array[:10].copy()
    moving = Volume(part, replace(study.moving.grid, shape=part.shape))
    found = paired(study.fixed, moving, alignment)
    outside = found.moving_inside == 0
    assert 0.2 < outside.float().mean() < 0.9
    assert not found.shown[0][outside].any()
    index = np.argwhere(outside[0, 0].numpy())
    places = apply(moving.grid.world_to_voxel @ found.to_moving @ found.grid.voxel_to_world, index)
    assert ((places < -0.5) | (places > np.array(part.shape) - 0.5)).any(axis=1).all()


def test_masks_travel_with_their_images_and_set_the_box(study, alignment, pair):
    mask = np.zeros(study.fixed.array.shape, np.uint8)
    mask[7:11, 8:12, 6:10] = 5
    masks = [replace(volume, array=mask) for volume in (study.fixed, study.moving)]
    scans = [make_scan(image, mask) for image, mask in zip((study.fixed, study.moving), masks, strict=True)]
    found = make_pair(lay_out(*scans, alignment), SPACING)
    for tensor in (found.fixed_mask, found.moving_mask):
        assert tensor.shape == (1, 1, *found.grid.shape)
        assert tensor.min() >= 0
        assert tensor.max() == 1
        volume = float(tensor.sum()) * SPACING**3
        assert volume == pytest.approx(64 * study.fixed.grid.voxel_volume, rel=0.15)
    assert np.prod(found.grid.shape) <= np.prod(pair.grid.shape)


def test_an_image_finer_than_the_grid_is_smoothed_first(study, alignment):
    checks = replace(study.fixed, array=(np.indices(study.fixed.array.shape).sum(axis=0) % 2).astype(np.float32))
    pair = paired(checks, checks, STILL, 15.0, lambda volume, _: volume.array)
    middle = pair.fixed[pair.fixed_inside == 1]
    assert float(middle.std()) < 0.05
    assert float(middle.mean()) == pytest.approx(0.5, abs=0.05)


def test_a_half_turn_is_refused(study, tools):
    matrix = tools.turn((0, 0, 1), 180) @ np.diag([1.1, 0.9, 1.0, 1.0])
    with pytest.raises(AlignmentError, match="180 degrees"):
        paired(study.fixed, study.moving, Alignment(matrix, "file"))


def test_beyond_its_view_an_image_is_continued_by_its_edge_and_shows_nothing(study):
    whole, grid = study.fixed, study.fixed.grid
    half = whole.array.shape[2] // 2
    cut = Volume(whole.array[:, :, :half].copy(), replace(grid, shape=(*grid.shape[:2], half)))
    found = paired(cut, whole, STILL)
    beyond = found.fixed_inside == 0
    assert beyond.any() and not (beyond & (found.moving_inside == 0)).all()
    assert float(found.fixed[beyond].std()) > 0.05
    moving, fixed = found.shown
    assert not fixed[beyond].any() and torch.equal(fixed[~beyond], found.fixed[~beyond])
    assert torch.equal(moving, found.moving * found.moving_inside)
