"""The flow of a velocity field: what is known of it exactly, and how near the discrete one comes."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import Tensor

from sitreg_engine.determinants import smallest_determinant
from sitreg_engine.mappings import compose, warp
from sitreg_engine.models.ddrnet.exponential import exponential, halves

SHAPE = (48, 44, 40)
INSIDE = (..., *(slice(10, -10),) * 3)


def smooth(seed: int, largest: float, channels: int = 3, waves: int = 2, shape=SHAPE) -> Tensor:
    """A field (1, channels, *shape) of long waves and that greatest length, that fades out towards the grid's edges."""
    numbers = np.random.default_rng(seed).standard_normal((channels, waves, waves, waves))
    lines = [np.pi * np.arange(n) / (n - 1) for n in shape]
    bases = [np.stack([np.sin((k + 1) * line) * np.sin(line) for k in range(waves)]) for line in lines]
    v = torch.from_numpy(np.einsum("xabc,ai,bj,ck->xijk", numbers, *bases))[None]
    return v * largest / v.norm(dim=1).max()


def test_no_velocity_moves_nothing():
    zero = torch.zeros(1, 3, *SHAPE)
    assert torch.equal(exponential(zero, 7), zero)


def test_a_constant_velocity_is_a_translation():
    v = torch.tensor([3.0, -2.0, 0.5]).reshape(1, 3, 1, 1, 1).expand(1, 3, *SHAPE)
    assert torch.allclose(exponential(v, 7), v, atol=1e-5)


def test_a_linear_velocity_scales_exponentially():
    """v = a (x - c) flows to x + (e^a - 1) (x - c), as far from the edges as the flow comes."""
    a, line = 0.2, torch.arange(SHAPE[0], dtype=torch.float64) - 23.5
    v = torch.zeros(1, 3, *SHAPE, dtype=torch.float64)
    v[:, 0] = (a * line)[:, None, None]
    expected = (np.exp(a) - 1) * line
    found = exponential(v, 10)[0, 0, :, 0, 0]
    assert (found - expected)[8:-8].abs().max() < 2e-3


def test_forward_and_backward_flow_undo_each_other():
    v = smooth(1, 12.0, shape=(108, 104, 100)).float()
    error = compose(exponential(v, 7), exponential(-v, 7)).norm(dim=1)
    assert error.max() < 0.08
    assert error.mean() < 0.005


def test_one_more_squaring_halves_the_error():
    v = smooth(2, 8.0)
    truth = exponential(v, 12)
    errors = [float((exponential(v, n) - truth).norm(dim=1).mean()) for n in (3, 4, 5, 6)]
    for before, after in pairwise(errors):
        assert 0.4 < after / before < 0.6


def test_smooth_flows_do_not_fold():
    assert smallest_determinant(exponential(smooth(3, 6.0), 7)[0].float()).min() > 0


def test_an_image_that_goes_and_comes_back_is_itself():
    image, v = smooth(4, 1.0, channels=1, waves=6), smooth(5, 6.0)
    back = warp(warp(image, exponential(v, 7)), exponential(-v, 7))
    both = torch.stack([image[INSIDE].flatten(), back[INSIDE].flatten()])
    assert torch.corrcoef(both)[0, 1] > 0.98


def test_the_halves_are_the_flow_to_the_middle_and_back():
    v = smooth(6, 6.0)
    found = halves(v, 7)
    assert torch.equal(found.forward(), exponential(v, 7))
    assert torch.equal(found.inverse(), exponential(-v, 7))
    assert compose(found.left, found.left_inverse).norm(dim=1).max() < 0.08
    assert compose(found.right, found.right_inverse).norm(dim=1).max() < 0.08


@pytest.mark.parametrize("squarings", [2, 4])
def test_gradients_of_the_flow_are_those_of_finite_differences(squarings):
    v = smooth(7, 2.0)[..., 20:27, 20:27, 20:27].contiguous().requires_grad_(True)
    direction, weights = (
        torch.randn(v.shape, dtype=v.dtype, generator=torch.Generator().manual_seed(n)) for n in (1, 2)
    )
    (exponential(v, squarings) * weights).sum().backward()
    step = 1e-6
    with torch.no_grad():
        ahead, behind = (((exponential(v + s * direction, squarings)) * weights).sum() for s in (step, -step))
    assert float((v.grad * direction).sum()) == pytest.approx(float(ahead - behind) / (2 * step), rel=1e-4)
