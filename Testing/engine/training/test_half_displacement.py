"""S-Net's losses: known values, which fields they leave alone, and that they are the sums of its paper."""

import pytest
import torch
from torch import Tensor

from sitreg_engine.errors import InputError
from sitreg_engine.mappings import identity, warp
from sitreg_engine.models.halfway import HalfWay, Registration
from sitreg_engine.models.sitreg.inversion import InversionConfig
from sitreg_engine.models.sitreg.splines import upsample
from sitreg_engine.models.snet.network import registration
from sitreg_engine.training.losses import LOSSES, check_losses, evaluate
from sitreg_engine.training.losses.half_displacement import (
    folding,
    squared_laplacian,
    squared_length,
    two_sided_folding,
)
from sitreg_engine.training.scored import Pairing, Scored
from sitreg_engine.training.settings import LossSettings
from sitreg_engine.training.views import Group, View

SHAPE = (16, 16, 12)
OWN = ("laplacian", "zero", "anti_fold")


def noise(seed: int, channels: int = 1) -> Tensor:
    control = torch.randn(1, channels, 4, 4, 3, generator=torch.Generator().manual_seed(seed))
    return upsample(control, 4, SHAPE) / 4


def scored(subject: Tensor, template: Tensor, found: Registration) -> Scored:
    views = tuple(View(image, image, torch.ones_like(image), None, None) for image in (subject, template))
    return Scored(Group(views, 2.0), [Pairing(0, 1, *views, found)])


def of_field(u: Tensor) -> Scored:
    return scored(noise(1), noise(2), registration(u, InversionConfig(1e-4)))


def along_first(values: Tensor) -> Tensor:
    """A displacement (1, 3, n, 5, 6) along the first axis that depends on the place along it alone."""
    u = torch.zeros(1, 3, len(values), 5, 6)
    u[0, 0] = values[:, None, None]
    return u


def bump(sign: float, slope: float = 1.3) -> Tensor:
    """Radial: outwards for a positive sign, where the displacement grows by `slope` a voxel in the middle."""
    grid = identity((21, 21, 21), torch.zeros(1)) - 10
    return sign * slope * grid * torch.exp(-grid.square().sum(dim=1, keepdim=True) / 72)


def smallest_determinant(u: Tensor) -> float:
    columns = [u[0].diff(dim=axis + 1)[:, :20, :20, :20] for axis in range(3)]
    return float(torch.linalg.det(torch.stack(columns, dim=1).permute(2, 3, 4, 0, 1) + torch.eye(3)).min())


# ---- the terms on u


def test_the_laplacian_of_a_parabola_is_its_second_derivative():
    assert squared_laplacian(along_first(0.15 * torch.arange(9.0) ** 2)) == pytest.approx(0.3**2, rel=1e-4)


def test_the_laplacian_adds_up_axes_and_components():
    i, j, k = identity((6, 7, 8), torch.zeros(1, dtype=torch.float64))[0]
    u = torch.stack([i**2 + j**2, k**2, -(i**2) + k**2])[None]  # Laplacians 4, 2, 0
    assert squared_laplacian(u) == pytest.approx(20.0)


def test_affine_displacements_have_no_laplacian():
    i, j, k = identity((6, 7, 8), torch.zeros(1, dtype=torch.float64))[0]
    assert squared_laplacian(torch.stack([i + 2 * j, -k, 0.3 * k + 1])[None]) == pytest.approx(0, abs=1e-20)


def test_an_image_without_inner_voxels_has_no_laplacian():
    assert squared_laplacian(torch.rand(1, 3, 2, 5, 5)) == 0


def test_zero_is_the_mean_squared_length():
    u = torch.tensor([1.0, -2.0, 2.0]).reshape(1, 3, 1, 1, 1).expand(1, 3, 4, 5, 6)
    assert squared_length(u) == pytest.approx(9.0)


@pytest.mark.parametrize("slope, value", [(-1.5, 0.5 * 1.5**2), (-1.0, 0.0), (-0.99, 0.0), (0.0, 0.0), (4.0, 0.0)])
def test_folding_is_the_excess_times_the_squared_slope(slope, value):
    assert folding(along_first(slope * torch.arange(6.0))) == pytest.approx(value, abs=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_two_sided_folding_is_that_of_both_ways(seed):
    u = 3 * torch.randn(1, 3, 6, 5, 4, generator=torch.Generator().manual_seed(seed))
    assert two_sided_folding(u) == pytest.approx(float(folding(u) + folding(-u)), rel=1e-5)


def test_shears_are_left_alone():
    u = torch.zeros(1, 3, 6, 6, 6)
    u[0, 0] = 3 * torch.arange(6.0)[None, :, None]
    assert two_sided_folding(u) == 0


def test_axes_of_one_voxel_cannot_fold():
    assert two_sided_folding(torch.rand(1, 3, 1, 1, 1)) == 0


@pytest.mark.parametrize("size", [0.5, 0.95])
def test_the_anti_fold_loss_does_not_pull_at_slopes_below_one(size):
    u = noise(3, 3)
    u = (size * u / max(float(u[:, axis].diff(dim=axis + 1).abs().max()) for axis in range(3))).requires_grad_()
    value = LOSSES["anti_fold"](of_field(u), LossSettings("anti_fold"))
    value.backward()
    assert value == 0
    assert u.grad.abs().max() == 0


def test_the_anti_fold_loss_sees_the_bump_that_the_papers_own_term_does_not():
    """id - u folds where u expands: the paper's one-sided term is zero there."""
    expanding, shrinking = bump(1.0), bump(-1.0)
    assert smallest_determinant(expanding) > 0 > smallest_determinant(-expanding)
    assert folding(expanding) == 0 and folding(shrinking) > 0
    for u in (expanding, shrinking):
        u.requires_grad_()
        two_sided_folding(u).backward()
        assert float((u.grad * u.detach()).sum()) > 0  # less displacement is better


# ---- as losses of a training


def test_the_symmetric_similarity_is_mse_half_way_and_in_both_images():
    """L_M + L_T + L_S = mse(halfway) + 2 mse(images), with F and B by id + 2w."""
    subject, template, u = noise(4), noise(5), 0.3 * noise(6, 3)
    found = registration(u, InversionConfig(1e-5))
    w_t, w_s = found.halfway.right_inverse, found.halfway.left_inverse
    in_mean = (warp(template, u) - warp(subject, -u)).square().mean()
    at_template = (template - warp(subject, 2 * w_t)).square().mean()
    at_subject = (subject - warp(template, 2 * w_s)).square().mean()
    total, parts = evaluate(
        scored(subject, template, found),
        (LossSettings("mse", 1.0, space="halfway"), LossSettings("mse", 2.0, space="images")),
    )
    assert float(total) == pytest.approx(float(in_mean + at_template + at_subject), rel=1e-5)
    assert parts["mse_halfway"] == pytest.approx(float(in_mean), rel=1e-5)
    assert parts["mse_images"] == pytest.approx(float(at_template + at_subject) / 2, rel=1e-5)


def test_equal_images_that_do_not_move_cost_nothing():
    image = noise(1)
    still = scored(image, image, registration(torch.zeros(1, 3, *SHAPE), InversionConfig()))
    losses = tuple(LossSettings(name) for name in ("mse", *OWN))
    assert float(evaluate(still, losses)[0]) == pytest.approx(0, abs=1e-10)  # sampling at voxels rounds a little


@pytest.mark.parametrize(
    "name, measure", [("laplacian", squared_laplacian), ("zero", squared_length), ("anti_fold", two_sided_folding)]
)
def test_each_is_its_measure_of_the_half_way_displacement(name, measure):
    u = 4 * noise(2, 3)
    assert LOSSES[name](of_field(u), LossSettings(name)) == pytest.approx(float(measure(u)))


@pytest.mark.parametrize("name", OWN)
def test_models_without_a_half_way_displacement_are_refused(name):
    zero = torch.zeros(1, 3, *SHAPE)
    other = scored(noise(1), noise(2), Registration(HalfWay(zero, zero, zero, zero)))
    with pytest.raises(InputError, match=f"{name}.*S-Net"):
        LOSSES[name](other, LossSettings(name))


def test_a_loss_is_taken_once_for_each_space():
    both = (LossSettings("mse", space="halfway"), LossSettings("mse"))
    check_losses(both, 2)
    with pytest.raises(InputError, match="once for each space"):
        check_losses((*both, LossSettings("mse")), 2)
