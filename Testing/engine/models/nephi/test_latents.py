import itertools

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from sitreg_engine.models.nephi.latents import interpolated, random_latents


def reference(volume: np.ndarray, point: np.ndarray) -> np.ndarray:
    """One point at a time, straight from the definition."""
    place = [(np.clip(p, -1, 1) + 1) / 2 * (n - 1) for p, n in zip(point, volume.shape[1:], strict=True)]
    total = np.zeros(volume.shape[0])
    for corner in itertools.product(*[range(n) for n in volume.shape[1:]]):
        weight = np.prod([max(0.0, 1 - abs(p - c)) for p, c in zip(place, corner, strict=True)])
        total += weight * volume[(slice(None), *corner)]
    return total


@pytest.mark.parametrize("shape", [(3, 4), (2, 3, 4), (1, 3, 2)])
def test_codes_are_interpolated_as_defined_inside_at_the_corners_and_beyond(shape):
    generator = torch.Generator().manual_seed(0)
    volume = torch.randn(2, *shape, generator=generator, dtype=torch.float64)
    corners = torch.tensor(list(itertools.product((-1.0, 1.0), repeat=len(shape))), dtype=torch.float64)
    inside = 2.4 * torch.rand(40, len(shape), generator=generator, dtype=torch.float64) - 1.2
    points = torch.cat([corners, inside])
    expected = np.stack([reference(volume.numpy(), p) for p in points.numpy()])
    np.testing.assert_allclose(interpolated(volume, points).numpy(), expected, atol=1e-12)


def test_interpolation_agrees_with_torch_s_own():
    volume, points = torch.randn(3, 4, 5, 6), torch.rand(50, 3) * 2 - 1
    theirs = F.grid_sample(volume[None], points.flip(1)[None, None, None], align_corners=True, padding_mode="border")
    torch.testing.assert_close(interpolated(volume, points), theirs[0, :, 0, 0].T, atol=1e-5, rtol=0)


def test_interpolation_has_first_and_second_derivatives():
    generator = torch.Generator().manual_seed(1)
    volume = torch.randn(2, 3, 4, 3, generator=generator, dtype=torch.float64, requires_grad=True)
    points = (1.8 * torch.rand(4, 3, generator=generator, dtype=torch.float64) - 0.9).requires_grad_()
    assert torch.autograd.gradcheck(interpolated, (volume, points))
    assert torch.autograd.gradgradcheck(interpolated, (volume, points))


def test_held_edges_have_no_slope():
    points = torch.tensor([[1.5, 0.1, -2.0]], requires_grad=True)
    interpolated(torch.randn(1, 4, 4, 4), points).sum().backward()
    assert points.grad[0, 0] == points.grad[0, 2] == 0 and points.grad[0, 1] != 0


def test_random_codes_have_about_unit_norm_and_are_the_same_for_a_seed():
    one, other = (random_latents(32, 32, (6, 6, 6), torch.Generator().manual_seed(5)) for _ in range(2))
    assert torch.equal(one.local, other.local) and torch.equal(one.overall, other.overall)
    assert abs(float(one.local.norm(dim=0).mean()) - 1) < 0.05


@pytest.mark.parametrize("wanted", [(9, 9, 9), (24, 2, 12), (1, 1, 1)])
def test_finer_codes_are_the_same_function(wanted):
    given = random_latents(3, 4, (5, 7, 4), torch.Generator().manual_seed(1))
    finer = given.finer(wanted)
    points = 2 * torch.rand(200, 3, generator=torch.Generator().manual_seed(2)) - 1
    torch.testing.assert_close(finer.at(points), given.at(points), rtol=0, atol=1e-5)
    assert torch.equal(finer.overall, given.overall)
    for new, old, n in zip(finer.local.shape[1:], (5, 7, 4), wanted, strict=True):
        assert ((new - 1) % (old - 1) == 0 and abs(new - n) <= old) or new == old


def test_an_axis_of_one_code_has_no_parts():
    given = random_latents(3, 4, (5, 7, 1), torch.Generator().manual_seed(1))
    assert given.finer((10, 14, 6)).local.shape == (4, 9, 13, 1)
