"""Images of different contrasts are made alike before they are compared; images of one contrast are left alone."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from sitreg_engine.contrast import Contrast, average_curve, contrast_between
from sitreg_engine.geometry import Grid
from sitreg_engine.prepare import Pair

SHAPE = (32, 40, 36)
# No function of intensity is monotonous that makes one contrast of the other.
SCRAMBLED = ((0.0, 0.2, 0.4, 0.6, 0.8, 1.0), (0.0, 0.9, 0.4, 0.7, 0.2, 0.5))


def pattern(shift: float) -> torch.Tensor:
    """Blobs of all brightnesses in an empty surrounding, 0..1; moved by some voxels."""
    i, j, k = (np.arange(n)[a] - n / 2 for n, a in zip(SHAPE, np.ix_(*map(range, SHAPE)), strict=True))
    i = i + shift
    inside = 1 / (1 + np.exp((i**2 / 144 + j**2 / 225 + k**2 / 169 - 1) * 20))
    tissue = 0.6 + 0.2 * np.sin(i / 2.2) + 0.2 * np.cos(j / 2.7 + k / 3.1)
    return torch.from_numpy(np.float32(inside * tissue))[None, None]


def pair_of(moving: torch.Tensor, fixed: torch.Tensor) -> Pair:
    grid = Grid(SHAPE, (2.0,) * 3, (0.0,) * 3, tuple(map(float, np.eye(3).ravel())))
    seen = torch.ones_like(moving)
    return Pair(moving, fixed, None, None, seen, seen, grid, np.eye(4), np.eye(4))


def swapped(pair: Pair) -> Pair:
    return replace(pair, moving=pair.fixed, fixed=pair.moving)  # of neither mask, and seen everywhere


def scrambled(image: torch.Tensor) -> torch.Tensor:
    return torch.from_numpy(np.interp(image.numpy(), *SCRAMBLED).astype(np.float32))


def correlation(one: torch.Tensor, other: torch.Tensor) -> float:
    return float(torch.corrcoef(torch.stack([one.flatten(), other.flatten()]))[0, 1])


OTHERS = {"a negative": lambda image: 1 - image, "scrambled intensities": scrambled}
ALIKE = {
    "the same": lambda image: image,
    "a gamma curve": lambda image: image**0.6,
    "noise": lambda image: image + 0.05 * torch.randn(image.shape, generator=torch.Generator().manual_seed(1)),
    "a bias field": lambda image: image * torch.linspace(0.7, 1.3, SHAPE[1])[None, None, None, :, None],
}


@pytest.mark.parametrize("change", ALIKE.values(), ids=ALIKE)
def test_images_of_one_contrast_are_left_as_they_are(change):
    pair = pair_of(change(pattern(1.0)), pattern(0.0))
    found = contrast_between(pair)
    assert found == Contrast()
    assert found.applied(pair) is pair
    assert found.doubts == []


@pytest.mark.parametrize("change", OTHERS.values(), ids=OTHERS)
def test_another_contrast_is_shown_as_the_other_image_would_and_a_note_says_so(change):
    pair = pair_of(change(pattern(1.0)), pattern(0.0))
    found = contrast_between(pair)
    applied = found.applied(pair)
    before = correlation(pair.moving, pair.fixed)
    assert correlation(applied.moving, applied.fixed) > max(before, 0.0) + 0.1
    (note,) = found.doubts
    assert "differ in contrast" in note
    assert "Look at the result" in note


@pytest.mark.parametrize("change", OTHERS.values(), ids=OTHERS)
def test_only_one_image_is_changed(change):
    pair = pair_of(change(pattern(1.0)), pattern(0.0))
    applied = contrast_between(pair).applied(pair)
    assert [torch.equal(applied.moving, pair.moving), torch.equal(applied.fixed, pair.fixed)].count(False) == 1


def test_what_several_tissues_share_is_told_apart_by_the_image_that_tells_them_apart():
    # The curve goes from the image with more contrasts to that with fewer: the other way round it is no function.
    two = (pattern(0.0) > 0.7).float() * 0.8
    found = contrast_between(pair_of(1 - pattern(0.0), two))
    assert found.moving is not None
    assert found.fixed is None


def test_swapping_the_images_swaps_the_curves():
    pair = pair_of(scrambled(pattern(1.0)), pattern(0.0))
    there, back = contrast_between(pair), contrast_between(swapped(pair))
    for one, other in ((there.moving, back.fixed), (there.fixed, back.moving)):
        assert (one is None) == (other is None)
        assert one is None or np.array_equal(one.shown, other.shown)
    assert torch.equal(there.applied(pair).moving, back.applied(swapped(pair)).fixed)


def test_the_curve_is_applied_at_any_spacing_and_nothing_is_shown_outside_the_view():
    pair = pair_of(1 - pattern(1.0), pattern(0.0))
    seen = torch.ones_like(pair.moving)
    seen[..., :8] = 0
    found = contrast_between(pair)
    applied = found.applied(replace(pair, moving_inside=seen, fixed_inside=seen))
    assert not any(image[..., :8].any() for image in applied.shown)


def test_only_what_the_masks_hold_is_compared():
    # A negative within the mask; beyond it the same contrast, and much more of that.
    mask = torch.zeros(1, 1, *SHAPE)
    mask[..., 10:22, 10:30, 10:26] = 1
    moving = torch.where(mask > 0, 1 - pattern(0.0), pattern(0.0))
    pair = pair_of(moving, pattern(0.0))
    assert contrast_between(pair) == Contrast()
    assert contrast_between(replace(pair, fixed_mask=mask, moving_mask=mask)) != Contrast()


@pytest.mark.parametrize("case", ["flat", "unseen"])
def test_where_nothing_can_be_told_nothing_is_done(case):
    pair = pair_of(torch.full((1, 1, *SHAPE), 0.5), pattern(0.0))
    if case == "unseen":
        pair = replace(pair_of(1 - pattern(0.0), pattern(0.0)), moving_inside=torch.zeros(1, 1, *SHAPE))
    assert contrast_between(pair) == Contrast()


def test_the_average_curve_holds_the_averages_and_is_constant_beyond_them():
    image = np.repeat(np.float32([0.0, 0.5, 1.0]), 40)
    other = np.concatenate([np.tile(np.float32([0.2, 0.4]), 20), np.full(40, 0.9), np.full(40, 0.1)]).astype(np.float32)
    curve = average_curve(image, other, np.ones(120, bool))
    assert curve(image)[[0, 50, 100]] == pytest.approx([0.3, 0.9, 0.1], abs=0.02)
    assert curve(np.float32([-5.0, 5.0])) == pytest.approx([0.3, 0.1], abs=1e-6)


def test_values_that_hardly_occur_do_not_make_the_curve():
    image = np.concatenate([np.zeros(100), np.ones(100), np.full(3, 0.5)]).astype(np.float32)
    other = np.concatenate([np.zeros(100), np.ones(100), np.full(3, 9.0)]).astype(np.float32)
    assert average_curve(image, other, np.ones(203, bool))(np.float32([0.5])) == pytest.approx([0.5], abs=0.03)
