"""1x1x1 convolutions as matrix products: what torch's convolution gives, in the layout asked for."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from sitreg_engine.models.sitreg.pointwise import pointwise, pointwise_apart


def _convolution(inputs: int, outputs: int, dtype: torch.dtype = torch.float64) -> nn.Conv3d:
    torch.manual_seed(0)
    return nn.Conv3d(inputs, outputs, 1).to(dtype)


def _features(shape: tuple[int, ...], dtype: torch.dtype = torch.float64) -> torch.Tensor:
    noise = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    return noise.to(dtype, memory_format=torch.channels_last_3d)


SHAPES = [(1, 5, 4, 3, 6), (2, 5, 7, 40, 70), (1, 5, 1, 1, 1)]


@pytest.mark.parametrize("function", [pointwise, pointwise_apart])
@pytest.mark.parametrize("shape", SHAPES)
def test_it_is_the_convolution(function, shape):
    convolution, x = _convolution(5, 3), _features(shape)
    with torch.no_grad():
        torch.testing.assert_close(function(convolution, x), convolution(x))
        torch.testing.assert_close(function(convolution, x.contiguous()), convolution(x))


@pytest.mark.parametrize("function", [pointwise, pointwise_apart])
def test_its_gradients_are_the_convolutions(function):
    convolution, x = _convolution(5, 3), _features((2, 5, 4, 3, 6)).requires_grad_()
    of = (x, convolution.weight, convolution.bias)
    found = torch.autograd.grad(function(convolution, x).sin().sum(), of)
    wanted = torch.autograd.grad(convolution(x).sin().sum(), of)
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other)


def test_channels_are_neighbours_or_apart():
    convolution, x = _convolution(5, 3), _features((2, 5, 4, 3, 6))
    for tracked in (True, False):
        with torch.set_grad_enabled(tracked):
            assert pointwise(convolution, x).movedim(1, -1).is_contiguous()
            assert pointwise_apart(convolution, x).is_contiguous()


@pytest.mark.parametrize("tracked", [True, False])
def test_bfloat16_features_are_computed_with_in_the_format_of_the_weights(tracked):
    convolution, x = _convolution(5, 3, torch.float32), _features((1, 5, 4, 3, 6), torch.bfloat16)
    with torch.set_grad_enabled(tracked):
        found = pointwise_apart(convolution, x)
    assert found.dtype == torch.float32
    wanted = F.conv3d(x.double(), convolution.weight.double(), convolution.bias.double())
    torch.testing.assert_close(found.double(), wanted, atol=1e-5, rtol=1e-5)
