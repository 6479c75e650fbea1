"""Local cross-correlation as an objective."""

import pytest
import torch

from sitreg_engine.refine.local_ncc import (
    Windows,
    local_ncc_loss,
    loss_alone,
    loss_and_slopes,
    mean_correlation,
    telling,
)
from sitreg_engine.window_mean import mean_within, window_mean

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


@pytest.fixture
def windows(images):
    """With something unseen, and uneven weights."""
    seen, wanted = ONES.clone(), images[0].clone()
    seen[:, :, :, :3, 4:] = 0
    return Windows.of(seen, wanted, 5)


def all_of_it(images, windows) -> list[torch.Tensor]:
    a, b = images
    correlation = torch.tensor(mean_correlation(a, b, windows))
    return [*loss_and_slopes(a, b, windows), loss_alone(a, b, windows), telling(a, b, windows), correlation]


@pytest.mark.parametrize("voxels", [1, 12 * 3**2, 12 * 7**2])
def test_how_an_image_is_cut_into_tiles_changes_nothing(images, windows, voxels, monkeypatch):
    whole = all_of_it(images, windows)
    monkeypatch.setattr("sitreg_engine.refine.local_ncc._TILE_VOXELS", voxels)
    for found, expected in zip(all_of_it(images, windows), whole, strict=True):
        assert torch.allclose(found.double(), expected.double(), rtol=1e-12, atol=1e-15)


def test_the_agreement_is_that_of_each_window_by_itself(images):
    """Looked at one by one: squared covariance over both variances, weighted."""
    a, b = images
    total = 0.0
    for centre in torch.ones(8, 9, 10).nonzero():  # windows that lie in the image as a whole
        box = (0, 0, *(slice(int(n), int(n) + 3) for n in centre))
        x, y = a[box] - a[box].mean(), b[box] - b[box].mean()
        total += float((x * y).mean() ** 2 / ((x * x).mean() + 5e-4) / ((y * y).mean() + 5e-4))
    inner = torch.zeros_like(ONES)
    inner[:, :, 1:-1, 1:-1, 1:-1] = 1
    windows = Windows.of(ONES, inner, 3)
    assert float(loss_alone(a, b, windows)) == pytest.approx(-total / ONES.numel(), rel=1e-9)


@pytest.mark.parametrize("window", [1, 3, 5, 7, 9, 13])
def test_the_window_mean_is_the_mean_over_a_cube(images, window):
    image, _ = images
    expected = torch.nn.functional.avg_pool3d(torch.nn.functional.pad(image, (window // 2,) * 6), window, 1)
    assert torch.allclose(window_mean(image, window), expected, atol=1e-12)


def test_means_within_an_image_are_fewer_than_its_voxels(images):
    assert torch.allclose(mean_within(images[0], 5), window_mean(images[0], 5)[:, :, 2:-2, 2:-2, 2:-2], atol=1e-12)


def test_a_window_must_fit_into_what_it_is_to_lie_in(images):
    with pytest.raises(ValueError, match="11 voxels along each axis"):
        mean_within(images[0], 11)
