import torch

from sitreg_engine.models.nephi.maps import grid_points
from sitreg_engine.models.nephi.picture import Picture, locally_normalised, slopes


def ramp(shape=(6, 7, 8)) -> Picture:
    """Image = 2 i - j + 3 k, seen everywhere but in the last plane of i."""
    i, j, k = torch.meshgrid(*[torch.arange(n).float() for n in shape], indexing="ij")
    seen = (i < shape[0] - 1).float()
    return Picture((2 * i - j + 3 * k)[None, None], seen[None, None])


def test_voxels_have_their_own_values():
    picture = ramp()
    every = grid_points(torch.arange(picture.image.numel()), (6, 7, 8), picture.image)
    values, seen = picture.at(every)
    torch.testing.assert_close(values, picture.image.flatten(), atol=1e-4, rtol=0)
    torch.testing.assert_close(seen, picture.seen.flatten(), atol=1e-4, rtol=0)


def test_beyond_the_grid_there_is_nothing():
    values, seen = ramp().at(torch.tensor([[1.2, 0.0, 0.0], [0.0, -3.0, 0.0]]))
    assert values.tolist() == seen.tolist() == [0, 0]


def test_the_derivative_is_the_slope_in_normalised_coordinates():
    points = (torch.rand(20, 3) - 0.5).requires_grad_()
    ramp().at(points)[0].sum().backward()
    torch.testing.assert_close(points.grad, torch.tensor([2 * 2.5, -3.0, 3 * 3.5]).expand(20, 3), atol=1e-3, rtol=0)


def test_slopes_are_central_differences():
    image = torch.rand(1, 1, 5, 5, 5)
    found = slopes(image, torch.tensor([[2.0, 2, 2]]))
    torch.testing.assert_close(found[0, 1], (image[0, 0, 2, 3, 2] - image[0, 0, 2, 1, 2]) / 2)


def test_local_normalisation_removes_slow_shading_and_contrast():
    generator = torch.Generator().manual_seed(0)
    image = torch.rand(1, 1, 24, 24, 24, generator=generator)
    seen = torch.ones_like(image)
    shading = torch.linspace(0.6, 1.4, 24)[:, None, None]
    plain, shaded = (locally_normalised(Picture(x, seen)).image for x in (image, image * shading + 0.3))
    inner = (0, 0, *(slice(5, -5),) * 3)
    assert torch.corrcoef(torch.stack([plain[inner].flatten(), shaded[inner].flatten()]))[0, 1] > 0.99
    assert abs(float(plain[inner].std()) - 1) < 0.1


def test_a_constant_image_is_nothing_but_zero_inside():
    found = locally_normalised(Picture(torch.full((1, 1, 12, 12, 12), 0.7), torch.ones(1, 1, 12, 12, 12))).image
    assert bool(found.isfinite().all()) and found.abs().max() < 1e-2
