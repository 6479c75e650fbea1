"""How steep a field is, exactly; and what is left of one that is too steep."""

import itertools

import pytest
import torch

from sitreg_engine.mappings import identity, sample
from sitreg_engine.models.snet.contraction import LIMIT, contracted, largest_slope


def noise(size: float, shape: tuple[int, int, int] = (9, 8, 7), seed: int = 0) -> torch.Tensor:
    return size * torch.randn(1, 3, *shape, generator=torch.Generator().manual_seed(seed))


def linear(matrix: torch.Tensor, shape: tuple[int, int, int] = (6, 5, 7)) -> torch.Tensor:
    return torch.einsum("ca,naijk->ncijk", matrix, identity(shape, matrix))


def by_brute_force(u: torch.Tensor) -> float:
    """The largest singular value at all corners of all cells."""
    largest = 0.0
    for corner in itertools.product((0, 1), repeat=3):
        columns = []
        for axis in range(3):
            difference = u[0].double().diff(dim=axis + 1)
            for other in {0, 1, 2} - {axis}:
                difference = difference.narrow(other + 1, corner[other], u.shape[other + 2] - 1)
            columns.append(difference)
        jacobian = torch.stack(columns, dim=1).permute(2, 3, 4, 0, 1)
        largest = max(largest, float(torch.linalg.matrix_norm(jacobian, 2).max()))
    return largest


@pytest.mark.parametrize("seed", range(4))
def test_it_is_the_largest_singular_value_at_the_corners_of_cells(seed):
    u = noise(0.3, seed=seed)
    assert float(largest_slope(u)) == pytest.approx(by_brute_force(u), rel=1e-6)


@pytest.mark.parametrize(
    "matrix, slope",
    [
        (torch.diag(torch.tensor([0.2, -0.7, 0.1])), 0.7),
        (0.5 * torch.eye(3), 0.5),
        (torch.tensor([[0.0, 0.6, 0.0], [-0.6, 0.0, 0.0], [0.0, 0.0, 0.0]]), 0.6),
        (torch.tensor([[0.0, 0.9, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]), 0.9),
        (torch.zeros(3, 3), 0.0),
    ],
)
def test_a_linear_field_is_as_steep_as_its_matrix(matrix, slope):
    assert float(largest_slope(linear(matrix))) == pytest.approx(slope, abs=1e-6)


def test_no_two_points_of_the_interpolated_field_are_steeper():
    u, slope = noise(0.3), float(largest_slope(noise(0.3)))
    generator = torch.Generator().manual_seed(5)
    points = (
        torch.rand(1, 3, 4000, 1, 1, generator=generator) * (torch.tensor([8.0, 7.0, 6.0])[None, :, None, None, None])
    )
    near = points + 1e-2 * torch.randn(points.shape, generator=generator)
    rise = (sample(u, points) - sample(u, near)).norm(dim=1) / (points - near).norm(dim=1)
    assert 0.5 * slope < rise.max() <= slope * 1.001


def test_a_field_that_is_a_contraction_already_is_returned_as_it_is():
    u = noise(0.05)
    scaled, share = contracted(u)
    assert scaled is u
    assert share.tolist() == [1.0]


def test_a_steeper_field_is_scaled_to_the_limit_and_told_by_how_much():
    u = noise(1.0)
    scaled, share = contracted(u)
    assert 0 < float(share) < 1
    assert torch.allclose(scaled, share * u)
    assert float(largest_slope(scaled)) == pytest.approx(LIMIT, rel=1e-5)
    assert torch.equal(contracted(-u)[0], -scaled)


def test_each_sample_of_a_batch_has_its_own_share():
    u = torch.cat([noise(0.05), noise(1.0)])
    scaled, share = contracted(u)
    assert share[0] == 1 and share[1] < 1
    assert torch.equal(scaled[:1], u[:1])
    assert torch.equal(scaled[1:], contracted(u[1:])[0])


@pytest.mark.parametrize("shape", [(1, 5, 6), (4, 1, 1), (1, 1, 1)])
def test_axes_of_one_voxel_have_no_slope(shape):
    u = noise(0.5, shape)
    assert largest_slope(u).isfinite().all()
    assert largest_slope(noise(0.5, (1, 1, 1))) == 0


def test_the_share_has_no_gradient_but_the_field_has():
    u = noise(1.0).requires_grad_()
    scaled, share = contracted(u)
    scaled.sum().backward()
    assert not share.requires_grad
    assert torch.allclose(u.grad, share.expand_as(u))
