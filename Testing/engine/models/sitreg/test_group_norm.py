"""GroupNorm and ReLU in place: torch's definition in float64, whatever the size and the number of threads."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from sitreg_engine.models.sitreg.group_norm import fits, normalise


def _norm(groups: int, channels: int, dtype: torch.dtype = torch.float32) -> nn.GroupNorm:
    norm = nn.GroupNorm(groups, channels).requires_grad_(False)
    nn.init.normal_(norm.weight, generator=torch.Generator().manual_seed(1))
    nn.init.normal_(norm.bias, generator=torch.Generator().manual_seed(2))
    return norm.to(dtype)


def _features(shape: tuple[int, ...], dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """Neighbouring channels in neighbouring memory, with a mean and a spread of each channel's own."""
    noise = torch.randn(shape, generator=torch.Generator().manual_seed(3))
    own = torch.arange(1, shape[1] + 1).reshape(-1, 1, 1, 1)
    return (noise * own + 0.3 * own).to(dtype, memory_format=torch.channels_last_3d)


def _wanted(x: torch.Tensor, norm: nn.GroupNorm, norm_first: bool) -> torch.Tensor:
    """In float64, by torch."""
    weight, bias, x = norm.weight.double(), norm.bias.double(), x.double()
    if norm_first:
        return F.relu(F.group_norm(x, norm.num_groups, weight, bias, norm.eps))
    return F.group_norm(F.relu(x), norm.num_groups, weight, bias, norm.eps)


@pytest.mark.parametrize("norm_first", [True, False])
@pytest.mark.parametrize("shape, groups", [((1, 8, 6, 7, 5), 2), ((2, 6, 3, 40, 50), 3), ((1, 4, 1, 1, 9), 4)])
def test_it_is_group_norm_and_relu_in_the_order_asked_for(shape, groups, norm_first):
    x, norm = _features(shape), _norm(groups, shape[1])
    wanted = _wanted(x, norm, norm_first)
    torch.testing.assert_close(normalise(x, norm, norm_first).double(), wanted, atol=1e-5, rtol=1e-5)


def test_the_result_takes_the_place_of_what_was_given():
    x = _features((1, 4, 5, 6, 7))
    assert normalise(x, _norm(2, 4), True) is x
    assert x.min() == 0


def test_bfloat16_is_rounded_once_at_the_end():
    x, norm = _features((1, 8, 9, 10, 11), torch.bfloat16), _norm(2, 8, torch.bfloat16)
    wanted = _wanted(x, norm, True)
    found = normalise(x, norm, True)
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.double(), wanted, atol=1e-4, rtol=2**-8)


def test_float64_stays_as_exact_as_it_is():
    x, norm = _features((1, 4, 5, 6, 7), torch.float64), _norm(2, 4, torch.float64)
    wanted = _wanted(x, norm, True)
    torch.testing.assert_close(normalise(x, norm, True), wanted, atol=1e-12, rtol=1e-12)


def test_millions_of_voxels_are_added_up_exactly():
    x, norm = _features((1, 2, 96, 128, 160)), _norm(1, 2)
    wanted = _wanted(x, norm, True)
    assert (normalise(x, norm, True) - wanted).abs().max() < 1e-5


def test_the_number_of_threads_changes_no_bit():
    norm, threads = _norm(2, 4), torch.get_num_threads()
    several = normalise(_features((1, 4, 30, 40, 50)), norm, True)
    try:
        torch.set_num_threads(1)
        one = normalise(_features((1, 4, 30, 40, 50)), norm, True)
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(several, one)


def test_a_constant_becomes_the_bias():
    norm = _norm(2, 4)
    found = normalise(torch.full((1, 4, 3, 3, 3), 7.0).to(memory_format=torch.channels_last_3d), norm, True)
    wanted = F.relu(norm.bias).reshape(1, 4, 1, 1, 1).expand_as(found)
    torch.testing.assert_close(found, wanted, atol=1e-3, rtol=0)


def test_gradients_and_other_layouts_are_left_to_torch():
    x = _features((1, 4, 5, 6, 7))
    assert fits(x)
    assert not fits(x.contiguous())
    assert not fits(x.clone().requires_grad_())
    with torch.no_grad():
        assert fits(x.clone().requires_grad_())
