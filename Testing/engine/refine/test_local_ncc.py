"""Local cross-correlation as an objective."""

import pytest
import torch

from sitreg_engine.refine.local_ncc import local_ncc_loss
from sitreg_engine.window_mean import window_mean

ONES = torch.ones(1, 1, 10, 11, 12, dtype=torch.float64)


@pytest.fixture
def images():
    generator = torch.Generator().manual_seed(0)
    return [torch.rand(1, 1, 10, 11, 12, generator=generator, dtype=torch.float64) for _ in range(2)]


def test_an_image_agrees_with_its_own_rescaled_and_inverted_copy(images):
    image, _ = images
    same = local_ncc_loss(image, 3 - 2 * image, ONES, ONES, 5)
    assert float(same) == pytest.approx(-1, abs=1e-2)


def test_independent_noise_hardly_agrees(images):
    assert -0.1 < float(local_ncc_loss(*images, ONES, ONES, 5)) <= 0


def test_swapping_the_images_changes_nothing_not_even_a_bit(images):
    a, b = images
    assert torch.equal(local_ncc_loss(a, b, ONES, ONES, 5), local_ncc_loss(b, a, ONES, ONES, 5))


def test_only_weighted_voxels_count(images):
    a, b = images
    weight = ONES.clone()
    weight[..., 6:] = 0
    changed = b.clone()
    changed[..., 10:] = 7  # further from the weighted part than the window reaches
    assert torch.equal(local_ncc_loss(a, b, ONES, weight, 5), local_ncc_loss(a, changed, ONES, weight, 5))


def test_what_one_image_does_not_show_is_without_effect(images):
    a, b = images
    seen = ONES.clone()
    seen[..., 6:] = 0
    emptied, filled = b * seen, b * seen + 5 * (1 - seen)
    assert torch.allclose(local_ncc_loss(a, emptied, seen, ONES, 5), local_ncc_loss(a, filled, seen, ONES, 5))


def test_a_flat_image_has_no_gradient_and_no_nan(images):
    flat = torch.zeros_like(images[0]).requires_grad_()
    loss = local_ncc_loss(flat, images[1], ONES, ONES, 5)
    assert float(loss.detach()) == 0
    assert bool((torch.autograd.grad(loss, flat)[0] == 0).all())


def test_the_gradient_is_that_of_finite_differences(images):
    a, b = (image.requires_grad_() for image in images)
    assert torch.autograd.gradcheck(lambda x, y: local_ncc_loss(x, y, ONES, ONES, 3), (a, b), atol=1e-7)


def test_the_window_mean_is_the_mean_over_a_cube(images):
    image, _ = images
    expected = torch.nn.functional.avg_pool3d(image, 3, 1, 1)
    assert torch.allclose(window_mean(image, 3), expected, atol=1e-12)
