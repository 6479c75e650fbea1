import numpy as np
import pytest
import torch

from sitreg_engine.models.nephi.latents import Latents
from sitreg_engine.models.nephi.maps import FunctionalMaps
from sitreg_engine.models.nephi.objective import (
    gradicon,
    latent_prior,
    patch_ncc,
    sampled_ncc,
)


def by_differences(first, second, points, step):
    """Gradient inverse consistency by central differences."""
    columns = []
    for axis in range(points.shape[1]):
        shift = torch.zeros_like(points)
        shift[:, axis] = step
        ends = [second(first(at)) - at for at in (points + shift, points - shift)]
        columns.append((ends[0] - ends[1]) / (2 * step))
    return torch.stack(columns).square().mean()


def test_two_identities_are_consistent():
    points = torch.rand(10, 3)
    assert float(gradicon(lambda x: 1.0 * x, lambda x: 1.0 * x, points)) == 0


def test_affine_maps_give_the_closed_form():
    generator = torch.Generator().manual_seed(0)
    a, c = (torch.eye(3).double() + 0.2 * torch.randn(3, 3, generator=generator).double() for _ in range(2))
    b, d = torch.randn(2, 3, generator=generator).double()
    points = torch.rand(7, 3, generator=generator).double()
    found = gradicon(lambda x: x @ a.T + b, lambda x: x @ c.T + d, points)
    torch.testing.assert_close(found, ((c @ a - torch.eye(3).double()) ** 2).mean())


def test_automatic_and_finite_differences_agree(moving_maps):
    maps = moving_maps()
    maps = FunctionalMaps(
        maps.ahead.double(), maps.back.double(), Latents(*(x.double() for x in vars(maps.latents).values()))
    )
    points = torch.rand(50, 3, generator=torch.Generator().manual_seed(0)).double() * 2 - 1
    exact = gradicon(maps.forward, maps.backward, points)
    # The codes' interpolation has kinks between voxels: a small step keeps nearly all points away from them.
    close = by_differences(maps.forward, maps.backward, points, step=1e-6)
    assert exact > 1e-3
    torch.testing.assert_close(close, exact, rtol=1e-3, atol=0)


def test_the_correlation_of_points_is_numpy_s():
    generator = np.random.default_rng(0)
    a, b = generator.normal(size=(2, 500))
    b += a
    found = sampled_ncc(torch.from_numpy(a), torch.from_numpy(b), torch.ones(500).double())
    assert float(found) == pytest.approx(1 - np.corrcoef(a, b)[0, 1], abs=1e-9)


def test_what_has_no_weight_does_not_count():
    a, b = torch.rand(2, 100)
    weights = torch.cat([torch.ones(60), torch.zeros(40)])
    assert float(sampled_ncc(a, b, weights)) == pytest.approx(
        float(sampled_ncc(a[:60], b[:60], torch.ones(60))), abs=1e-6
    )


def test_brightness_and_contrast_do_not_matter():
    a = torch.rand(100)
    assert float(sampled_ncc(a, 3 * a + 2, torch.ones(100))) == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("measure", [sampled_ncc, lambda a, b, w: patch_ncc(a[None], b[None], w[None], 1e-3)])
def test_constant_and_unseen_images_have_no_agreement_and_finite_gradients(measure):
    for a, weights in ((torch.ones(20), torch.ones(20)), (torch.rand(20), torch.zeros(20))):
        a = a.requires_grad_()
        found = measure(a, torch.rand(20), weights)
        found.backward()
        assert float(found.detach()) == pytest.approx(1, abs=1e-3) and bool(a.grad.isfinite().all())


def test_each_patch_is_compared_by_itself_and_inverted_contrast_agrees():
    a = torch.rand(4, 50, generator=torch.Generator().manual_seed(0))
    b = torch.stack([2 * a[0], 1 - a[1], a[2] + 5, 0.5 * a[3]])
    assert float(patch_ncc(a, b, torch.ones(4, 50), 1e-6)) == pytest.approx(0, abs=1e-3)
    assert float(sampled_ncc(a.flatten(), b.flatten(), torch.ones(200))) > 0.5


def test_the_prior_is_the_norm_of_the_codes():
    latents = Latents(torch.tensor([3.0, 4.0]), torch.full((4, 2, 2, 2), 0.5))
    assert float(latent_prior(latents)) == pytest.approx(6.0)
