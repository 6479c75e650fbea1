"""Roughness of fields: values one can do in one's head, and what it does not see."""

import pytest
import torch

from sitreg_engine.roughness import roughness_of


def noise(seed: int, count: int = 1) -> torch.Tensor:
    return torch.randn(count, 3, 6, 5, 4, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("axis", [2, 3, 4])
def test_a_ramp_of_one_component_along_one_axis_has_a_third_of_its_squared_slope(axis):
    u = torch.zeros(1, 3, 6, 5, 4)
    u[:, 1] = 0.3 * torch.arange(u.shape[axis]).reshape([-1 if axis == a else 1 for a in (2, 3, 4)])
    assert float(roughness_of(u)) == pytest.approx(0.09 / 3, rel=1e-5)


def test_axes_are_added_up_however_long_they_are():
    i, j, k = (x.double() for x in torch.meshgrid(*map(torch.arange, (9, 5, 3)), indexing="ij"))
    u = (i + 2 * j + 3 * k).expand(2, 3, -1, -1, -1)
    assert float(roughness_of(u)) == pytest.approx(1 + 4 + 9)


def test_a_step_counts_once_among_the_differences_of_its_axis():
    u = torch.zeros(1, 1, 5, 3, 3)
    u[:, :, 2:] = 2.0
    assert float(roughness_of(u)) == pytest.approx(4 / 4)


def test_a_shift_is_not_rough_and_twice_the_field_is_four_times_as_rough():
    u = noise(0)
    shift = torch.tensor([1.0, -2.0, 7.0]).reshape(1, 3, 1, 1, 1)
    assert float(roughness_of(torch.zeros_like(u) + shift)) == 0
    assert float(roughness_of(u + shift)) == pytest.approx(float(roughness_of(u)))
    assert float(roughness_of(-2 * u)) == pytest.approx(4 * float(roughness_of(u)))


def test_neither_mirrors_nor_the_order_of_axes_matter():
    u = noise(1)
    assert float(roughness_of(u.flip(2, 4))) == pytest.approx(float(roughness_of(u)))
    assert float(roughness_of(u.permute(0, 1, 4, 2, 3))) == pytest.approx(float(roughness_of(u)))


def test_several_fields_are_as_rough_as_they_are_on_average():
    u = noise(2, 3)
    assert float(roughness_of(u)) == pytest.approx(sum(float(roughness_of(one[None])) for one in u) / 3)


def test_its_gradient_is_that_of_finite_differences():
    assert torch.autograd.gradcheck(roughness_of, noise(3).requires_grad_())


def test_what_is_no_volume_is_refused():
    with pytest.raises(IndexError, match="Dimension out of range"):
        roughness_of(torch.zeros(3, 6, 5, 4))
