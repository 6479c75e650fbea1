"""Losses of velocity fields: values that are known, and who may use them. What a method compares that goes one way."""

import math

import numpy as np
import pytest
import torch

from sitreg_engine.errors import InputError
from sitreg_engine.mappings import warp
from sitreg_engine.models.ddrnet.exponential import halves
from sitreg_engine.models.ddrnet.registration import Posterior, VelocityRegistration
from sitreg_engine.models.halfway import HalfWay, Registration
from sitreg_engine.training.losses import LOSSES
from sitreg_engine.training.scored import Pairing, Scored
from sitreg_engine.training.settings import LossSettings
from sitreg_engine.training.views import Group, View

SHAPE = (7, 6, 5)


def view(image: torch.Tensor) -> View:
    return View(image, image, torch.ones_like(image), None, None)


def scored(registration: Registration, image_1=None, image_2=None) -> Scored:
    views = tuple(view(torch.zeros(1, 1, *SHAPE) if image is None else image) for image in (image_1, image_2))
    return Scored(Group(views, 2.0), [Pairing(0, 1, *views, registration)])


def with_posterior(mean: torch.Tensor, log_variance: torch.Tensor) -> Scored:
    return scored(VelocityRegistration(halves(mean, 3), mean, Posterior(mean, log_variance)))


def kl(mean: torch.Tensor, log_variance: torch.Tensor, precision: float = 10.0) -> torch.Tensor:
    return LOSSES["kl"](with_posterior(mean, log_variance), LossSettings("kl", precision=precision))


def ramp(slope: float, channel: int = 0, axis: int = 1) -> torch.Tensor:
    v = torch.zeros(1, 3, *SHAPE)
    v.movedim(axis + 2, -1)[0, channel] = slope * torch.arange(SHAPE[axis])
    return v


def neighbours() -> np.ndarray:
    """Counted one by one."""
    count = np.zeros(SHAPE)
    for place in np.ndindex(SHAPE):
        for axis in range(3):
            count[place] += (place[axis] > 0) + (place[axis] < SHAPE[axis] - 1)
    return count


def test_the_gradient_of_a_ramp_is_its_squared_slope():
    found = LOSSES["velocity_gradient"](with_posterior(ramp(0.3), ramp(0.0)), LossSettings("velocity_gradient"))
    assert float(found) == pytest.approx(0.09 / 9, rel=1e-5)


def test_kl_is_that_of_the_formula():
    generator = torch.Generator().manual_seed(1)
    mean, log_variance = (torch.randn(1, 3, *SHAPE, generator=generator) for _ in range(2))
    s, steps = log_variance.numpy(), [np.diff(mean.numpy(), axis=axis) for axis in (2, 3, 4)]
    rough = sum(float((step**2).mean()) for step in steps)
    expected = 1.5 * (float((10 * neighbours() * np.exp(s) - s).mean()) + 10 / 6 * rough)
    assert float(kl(mean, log_variance)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("precision", [1.0, 10.0, 40.0])
def test_kl_is_least_where_the_variance_is_that_of_the_prior(precision):
    best = -torch.log(precision * torch.from_numpy(neighbours()).float()).expand(1, 3, *SHAPE)
    s = best.clone().requires_grad_()
    kl(ramp(0.0), s, precision).backward()
    assert s.grad.abs().max() < 1e-7
    assert kl(ramp(0.0), best, precision) < min(kl(ramp(0.0), best + x, precision) for x in (0.1, -0.1))


def test_kl_does_not_care_where_to_all_voxels_go_together():
    s = torch.full((1, 3, *SHAPE), -4.0)
    assert float(kl(ramp(0.0) + 5.0, s)) == pytest.approx(float(kl(ramp(0.0), s)))
    assert kl(ramp(0.1), s) > kl(ramp(0.0), s)


@pytest.mark.parametrize("name", ["kl", "velocity_gradient"])
def test_networks_without_velocities_are_refused(name):
    zero = torch.zeros(1, 3, *SHAPE)
    with pytest.raises(InputError, match=f"The loss {name} needs a network with"):
        LOSSES[name](scored(Registration(HalfWay(zero, zero, zero, zero))), LossSettings(name))


def test_kl_needs_a_branch_that_learns():
    v = torch.zeros(1, 3, *SHAPE)
    with pytest.raises(InputError, match='phases "local" and "global"'):
        LOSSES["kl"](scored(VelocityRegistration(halves(v, 3), v)), LossSettings("kl"))


def test_folds_are_those_of_determinants_computed_otherwise():
    """The mean of max(0, -det), so that the sum over all voxels is that times their number."""
    u = 0.8 * torch.randn(1, 3, *SHAPE, generator=torch.Generator().manual_seed(3))
    cells = tuple(slice(0, n - 1) for n in SHAPE)
    steps = [np.diff(u[0].numpy(), axis=axis + 1)[(slice(None), *cells)] for axis in range(3)]
    jacobians = np.moveaxis(np.stack(steps, axis=1), (0, 1), (-2, -1)) + np.eye(3)
    expected = np.maximum(0, -np.linalg.det(jacobians)).mean()
    found = LOSSES["negative_jacobian"](scored(Registration(HalfWay(u, 0 * u, u, 0 * u))), LossSettings("x"))
    assert float(found) == pytest.approx(expected, rel=1e-4)


def test_folds_of_the_forward_map_alone_are_counted_in_the_space_of_the_fixed_image():
    u = 0.8 * torch.randn(1, 3, *SHAPE, generator=torch.Generator().manual_seed(3))
    alone = scored(Registration(HalfWay(u, 0 * u, 0 * u, 0 * u)))
    found, both = (float(LOSSES["negative_jacobian"](alone, LossSettings("x", space=s))) for s in ("fixed", "images"))
    assert found > 0 and found == pytest.approx(2 * both)


def test_in_the_space_of_the_fixed_image_only_the_forward_map_is_judged():
    generator = torch.Generator().manual_seed(5)
    moving, u = torch.randn(1, 1, *SHAPE, generator=generator), ramp(0.2, channel=1)
    zero, wrong = torch.zeros_like(u), torch.full_like(u, 2.0)
    registration = Registration(HalfWay(u, zero, wrong, zero))
    judged = scored(registration, moving, warp(moving, u))
    assert float(LOSSES["mse"](judged, LossSettings("mse", space="fixed"))) == pytest.approx(0, abs=1e-10)
    assert float(LOSSES["mse"](judged, LossSettings("mse", space="images"))) > 0.1


def test_a_posterior_draws_about_its_mean_as_far_as_it_says():
    mean, images = torch.full((1, 3, 20, 20, 20), 2.0), torch.zeros(1, 2, 4, 4, 4)
    drawn = Posterior(mean, torch.full_like(mean, math.log(0.25))).drawn(images)
    assert float(drawn.mean()) == pytest.approx(2.0, abs=0.02)
    assert float(drawn.std()) == pytest.approx(0.5, abs=0.02)


def test_the_same_images_draw_the_same_velocity_and_others_another():
    mean = torch.zeros(1, 3, 4, 4, 4)
    posterior, images = Posterior(mean, mean), torch.zeros(1, 2, 4, 4, 4)
    assert torch.equal(posterior.drawn(images), posterior.drawn(images.clone()))
    assert not torch.equal(posterior.drawn(images), posterior.drawn(images + 1))
