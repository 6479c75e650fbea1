"""A brain without its skull against a whole head: what was blanked says nothing."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from sitreg_engine.affine import Alignment
from sitreg_engine.foreground import foreground
from sitreg_engine.geometry import Grid
from sitreg_engine.images import Volume
from sitreg_engine.prepare import Pair, lay_out, make_pair
from sitreg_engine.prepare.blank import is_blanked, not_blank
from sitreg_engine.scan import make_scan

GRID = Grid((40, 44, 36), (4.0, 4.0, 4.0), (-78.0, -86.0, -70.0), tuple(map(float, np.eye(3).ravel())))
VOXELS = 40 * 44 * 36


def still_pair(fixed: Volume, moving: Volume, moving_mask: Volume | None = None) -> Pair:
    return make_pair(lay_out(make_scan(fixed), make_scan(moving, moving_mask), Alignment(np.eye(4), "identity")), 4.0)


def distances() -> np.ndarray:
    """From the middle, mm."""
    places = np.stack(np.meshgrid(*map(np.arange, GRID.shape), indexing="ij"), axis=-1) * GRID.spacing + GRID.origin
    return np.linalg.norm(places, axis=-1)


def ball(radius: float) -> np.ndarray:
    """True within `radius` mm of the middle."""
    return distances() < radius


@pytest.fixture(scope="module")
def head() -> Volume:
    """Tissue with a pattern that fades out, in noisy air."""
    noise = np.random.default_rng(0).uniform(0, 3, GRID.shape)
    pattern = 60 + 20 * np.sin(np.arange(GRID.shape[0]) / 2)[:, None, None]
    return Volume(np.float32(noise + pattern * np.clip((68 - distances()) / 12, 0, 1)), GRID)


@pytest.fixture(scope="module")
def brain(head) -> Volume:
    """The inner part of it, exact zeros around."""
    return Volume(np.where(ball(44), head.array, 0), GRID)


def blanked(image: Volume, other: Volume) -> bool:
    return is_blanked(image, foreground(image), other, np.eye(4))


def test_a_brain_is_blanked_where_a_head_shows_more(brain, head):
    assert blanked(brain, head)
    assert not blanked(head, brain)


def test_images_that_show_the_same_are_not_blanked(brain, head):
    assert not blanked(brain, brain)
    assert not blanked(head, head)


def test_a_head_in_exact_zeros_is_not_blanked_though_the_other_is_somewhat_larger(head):
    smaller = Volume(np.where(ball(61), head.array, 0), GRID)
    assert not blanked(smaller, head)


def test_bright_air_is_nothing_to_be_missed(head):
    in_zeros = Volume(np.where(ball(66), head.array, 0), GRID)
    assert not blanked(in_zeros, Volume(100 - head.array, GRID))


def test_what_lies_beyond_the_field_of_view_was_not_blanked(brain, head):
    # A crop around the brain: the head's outer parts are no part of it.
    part = (slice(9, 31), slice(11, 33), slice(7, 29))
    origin = tuple(float(o + 4 * p.start) for o, p in zip(GRID.origin, part, strict=True))
    crop = Volume(np.where(ball(64), head.array, 0)[part], replace(GRID, shape=(22, 22, 22), origin=origin))
    assert not blanked(crop, head)


def test_blank_voxels_have_no_part_in_what_counts(brain):
    counts = not_blank(brain, GRID, np.eye(4))[0, 0].numpy()
    assert counts.dtype == np.float32
    assert np.array_equal(counts > 0, brain.array != 0)


def test_a_pair_compares_only_what_both_show_and_says_so(brain, head):
    pair = still_pair(head, brain)
    assert pair.fixed_inside.sum() == VOXELS
    shown = pair.moving[pair.moving_inside > 0]
    assert float(shown.min()) > 0.2
    (note,) = pair.doubts
    assert "moving volume is blank" in note


def test_swapping_the_images_swaps_what_counts(brain, head):
    one, other = still_pair(head, brain), still_pair(brain, head)
    assert torch.equal(one.moving_inside, other.fixed_inside)
    assert torch.equal(one.fixed_inside, other.moving_inside)
    assert "fixed volume is blank" in other.doubts[0]


def test_a_mask_has_the_say(brain, head):
    mask = Volume(ball(44), GRID)
    pair = still_pair(head, brain, mask)
    assert pair.doubts == ()
    assert pair.moving_inside.sum() == VOXELS


def test_small_things_in_a_constant_background_are_not_taken_for_stripped_brains():
    grid = Grid((40, 40, 40), (0.5, 0.5, 0.5), (0.0, 0.0, 0.0), tuple(np.eye(3).ravel()))
    places = np.indices(grid.shape) - 19.5
    inside = (places**2).sum(axis=0) < 14**2
    values = np.random.default_rng(1).random(grid.shape, dtype=np.float32)
    small, whole = Volume(np.where(inside, values + 1, 0).astype(np.float32), grid), Volume(values, grid)
    assert not is_blanked(small, Volume(inside, grid), whole, np.eye(4))
