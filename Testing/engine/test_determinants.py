"""Determinants of voxel displacements, against maps whose determinant is known."""

import torch

from sitreg_engine.determinants import smallest_determinant, smallest_determinant_at


def linear(matrix: torch.Tensor, size: int = 6) -> torch.Tensor:
    """Displacement (3, I, J, K) of x -> matrix x."""
    grid = torch.stack(torch.meshgrid(*[torch.arange(float(size))] * 3, indexing="ij"))
    return torch.einsum("ab,bijk->aijk", matrix, grid) - grid


def test_a_linear_map_has_the_determinant_of_its_matrix_everywhere():
    matrix = torch.tensor([[1.1, 0.2, 0.0], [-0.1, 0.9, 0.3], [0.05, 0.0, 1.3]])
    found = smallest_determinant(linear(matrix))
    assert torch.allclose(found, torch.linalg.det(matrix).expand_as(found), atol=1e-5)


def test_a_fold_that_central_differences_hide_is_found():
    u = torch.zeros(3, 9, 9, 9)
    u[0, 4] = 1.5  # beyond its neighbour: behind it the map runs backwards, on average over two voxels it does not
    assert float(smallest_determinant(u).min()) < 0


def test_some_voxels_alone_have_the_same_determinants():
    u = torch.randn(3, 5, 6, 7, generator=torch.Generator().manual_seed(0)) * 0.3
    index = torch.arange(5 * 6 * 7)[::2]  # edges and corners among them
    assert torch.allclose(smallest_determinant_at(u, index), smallest_determinant(u).flatten()[index], atol=1e-6)


def test_nan_stays_nan():
    u = torch.zeros(3, 5, 5, 5)
    u[1, 2, 2, 2] = float("nan")
    assert bool(smallest_determinant(u).isnan().any())
