"""Cubic B-spline upsampling of control values."""

import pytest
import torch

from sitreg_engine.models.sitreg.splines import axis_matrix, coarse_shape, cubic_bspline, upsample


def test_the_spline_has_its_known_values():
    values = cubic_bspline(torch.tensor([-2.0, -1.0, 0.0, 0.5, 1.5, 3.0], dtype=torch.float64).numpy())
    assert values == pytest.approx([0, 1 / 6, 2 / 3, 23 / 48, 1 / 48, 0])


def test_control_grids_overhang_odd_sizes():
    assert coarse_shape((33, 40, 1), 4) == (9, 10, 1)


@pytest.mark.parametrize("scale", [1, 2, 3, 8])
def test_constant_control_values_move_everything_by_scale_times_them(scale):
    control = torch.full((2, 3, 3, 4, 2), 0.25)
    shape = (3 * scale, 4 * scale - scale // 2, 2 * scale)
    assert torch.allclose(upsample(control, scale, shape), torch.full((2, 3, *shape), 0.25 * scale), atol=1e-5)


@pytest.mark.parametrize("scale", [1, 2, 4])
def test_ramps_are_reproduced_inside_and_held_at_the_edges(scale):
    ramp = torch.arange(10.0, dtype=torch.float64).reshape(1, 1, 10, 1, 1).expand(1, 3, 10, 2, 2)
    fine = upsample(ramp, scale, (10 * scale, 2 * scale, 2 * scale))[0, 0, :, 0, 0]
    expected = scale * ((torch.arange(10.0 * scale, dtype=torch.float64) + 0.5) / scale - 0.5)
    inside = slice(2 * scale, 8 * scale)
    assert torch.allclose(fine[inside], expected[inside], atol=1e-12)
    assert fine[0] > expected[0] and fine[-1] < expected[-1]


@pytest.mark.parametrize("scale", [1, 2, 4])
def test_upsampling_is_the_sum_of_shifted_splines(scale):
    control = torch.zeros(1, 3, 7, 7, 7, dtype=torch.float64)
    control[0, 1, 3, 3, 3] = 1
    fine = upsample(control, scale, (7 * scale,) * 3)
    position = (torch.arange(7.0 * scale, dtype=torch.float64) + 0.5) / scale - 0.5 - 3
    weight = torch.from_numpy(cubic_bspline(position.numpy()))
    expected = scale * weight[:, None, None] * weight[:, None] * weight
    assert torch.allclose(fine[0, 1], expected, atol=1e-14)
    assert fine[0, 0].abs().max() == 0


def test_a_crop_is_the_beginning_of_the_whole():
    control = torch.randn(1, 3, 4, 5, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    whole, crop = upsample(control, 4, (16, 20, 24)), upsample(control, 4, (13, 18, 21))
    assert torch.allclose(whole[:, :, :13, :18, :21], crop, atol=1e-14)


def test_samples_do_not_depend_on_their_place_in_the_batch():
    control = torch.randn(2, 3, 9, 11, 13, generator=torch.Generator().manual_seed(0))
    both, swapped = upsample(control, 2, (17, 21, 25)), upsample(control.flip(0), 2, (17, 21, 25))
    assert torch.equal(both, swapped.flip(0))


def test_gradients_are_exact():
    control = torch.randn(1, 3, 2, 3, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda c: upsample(c, 2, (4, 5, 3)), control)


def test_what_inference_has_made_serves_gradients_too():
    axis_matrix.cache_clear()
    with torch.inference_mode():
        upsample(torch.ones(1, 3, 2, 3, 2, dtype=torch.float64), 2, (4, 5, 3))
    control = torch.ones(1, 3, 2, 3, 2, dtype=torch.float64, requires_grad=True)
    upsample(control, 2, (4, 5, 3)).sum().backward()
    assert float(control.grad.sum()) == pytest.approx(2 * 3 * 4 * 5 * 3)


def test_an_axis_of_one_voxel_is_allowed():
    assert axis_matrix(1, 1, 8).tolist() == [[1.0]]
    assert upsample(torch.ones(1, 3, 1, 2, 2), 8, (1, 16, 16)).shape == (1, 3, 1, 16, 16)


def test_a_control_grid_of_other_dimension_is_refused():
    with pytest.raises(ValueError):
        upsample(torch.ones(1, 3, 2, 2), 2, (4, 4, 4))
