"""The affine stage of the networks for raw data."""

import math

import pytest
import torch

from sitreg_engine.errors import InputError
from sitreg_engine.mappings import compose, identity
from sitreg_engine.models.sitreg.affine_head import affine_matrix, centring, chain, transform
from sitreg_engine.models.sitreg.config import SITRegConfig
from sitreg_engine.models.sitreg.network import SITReg

CONFIG = SITRegConfig((4, 6, 6, 6, 6), (4, 6), groups=2, affine=True)


def _parameters(**values: float) -> torch.Tensor:
    parameters = torch.zeros(1, 12, dtype=torch.float64)
    for name, value in values.items():
        parameters[0, int(name[1:])] = value
    return parameters


def test_no_parameters_are_the_identity():
    assert torch.equal(affine_matrix(torch.zeros(2, 12)), torch.eye(4).expand(2, 4, 4))


def test_the_first_three_parameters_are_logarithms_of_scale():
    matrix = affine_matrix(_parameters(q0=math.log(2), q1=math.log(3), q2=0.0))
    assert torch.allclose(matrix[0].diagonal(), torch.tensor([2.0, 3.0, 1.0, 1.0], dtype=torch.float64))


def test_the_seventh_parameter_turns_the_first_two_axes():
    matrix = affine_matrix(_parameters(q6=math.pi / 2))
    assert torch.allclose(matrix[0, :2, :2], torch.tensor([[0.0, 1.0], [-1.0, 0.0]], dtype=torch.float64), atol=1e-12)


def test_the_translation_comes_before_the_rest():
    matrix = affine_matrix(_parameters(q0=math.log(2), q9=1.0, q11=0.5))
    assert torch.allclose(matrix[0, :3, 3], torch.tensor([2.0, 0.0, 0.5], dtype=torch.float64))


def test_the_determinant_is_that_of_the_scales():
    parameters = torch.randn(3, 12, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    expected = parameters[:, :3].sum(dim=1).exp()
    assert torch.allclose(torch.linalg.det(affine_matrix(parameters)), expected)


def test_the_largest_field_of_view_spans_minus_one_to_one():
    matrix = centring((10, 20, 5), (1.0, 2.0, 4.0), torch.zeros(1, dtype=torch.float64))
    corners = torch.tensor([[-0.5, -0.5, -0.5], [9.5, 19.5, 4.5]], dtype=torch.float64).T[None, :, :, None, None]
    moved = transform(matrix[None], corners)[0, :, :, 0, 0]
    assert torch.allclose(moved[:, 1], torch.tensor([0.25, 1.0, 0.5], dtype=torch.float64))
    assert torch.allclose(moved[:, 0], -moved[:, 1])


def test_without_dense_part_the_whole_map_is_the_half_affine_twice():
    torch.manual_seed(0)
    network, shape = SITReg(CONFIG).eval().requires_grad_(False), (16, 11, 13)
    for update in network.updates:
        update.final.weight.data.zero_()
        update.final.bias.data.zero_()
    result = network(torch.rand(1, 1, *shape), torch.rand(1, 1, *shape))
    twice = transform(result.affines.left @ result.affines.left, identity(shape, result.f12))
    assert torch.allclose(identity(shape, result.f12) + result.f12, twice, atol=1e-4)
    assert torch.allclose(result.affines.left @ result.affines.right, torch.eye(4)[None], atol=1e-4)
    assert result.f12.abs().max() > 0.1


def test_the_affine_map_continues_beyond_the_grid():
    zero = torch.zeros(1, 3, 8, 8, 8)
    matrix = torch.eye(4)[None]
    matrix[:, 0, 3] = 5.0
    assert torch.allclose(chain(matrix, zero, zero)[0, 0], torch.tensor(10.0))


def test_the_maps_stay_inverse_to_each_other():
    torch.manual_seed(3)
    network = SITReg(CONFIG).eval().requires_grad_(False)
    network.affine.final.weight.data *= 0.1
    network.affine.final.bias.data *= 0.1
    result = network(torch.rand(1, 1, 16, 16, 16), torch.rand(1, 1, 16, 16, 16))
    inner = compose(result.f12, result.f21)[:, :, 4:12, 4:12, 4:12]
    assert result.f12.abs().max() > 0.3
    assert inner.abs().max() < 0.05


@pytest.mark.parametrize("chained", [False, True])
def test_the_first_hidden_layer_counts_only_when_chained(chained):
    torch.manual_seed(0)
    network = SITReg(SITRegConfig((4, 6, 6, 6), (4, 6), groups=2, affine=True, affine_chained=chained)).eval()
    images = torch.rand(1, 1, 8, 8, 8), torch.rand(1, 1, 8, 8, 8)
    before = network(*images).f12
    network.affine.hidden_1.weight.data *= 2
    assert torch.equal(network(*images).f12, before) is not chained


def test_images_too_large_for_the_pyramid_are_refused():
    with pytest.raises(InputError, match="at most 16 voxels"):
        SITReg(CONFIG)(torch.rand(1, 1, 17, 8, 8), torch.rand(1, 1, 17, 8, 8))
