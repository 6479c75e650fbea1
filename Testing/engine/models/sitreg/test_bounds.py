"""The bound on control values: its published constants, and that it is both sufficient and tight."""

import itertools

import pytest
import torch

from sitreg_engine.models.sitreg.bounds import bound
from sitreg_engine.models.sitreg.splines import upsample

ISOTROPIC_3D = {
    1: 0.36,
    2: 0.3854469526363808,
    4: 0.39803114051999844,
    8: 0.4007250760586097,
    16: 0.40175329749498856,
    32: 0.40253633025170044,
    64: 0.4029187201371043,
    128: 0.4031077300385704,
    256: 0.4032092148874895,
}
ISOTROPIC_2D = {
    1: 0.45,
    2: 0.4923274169638207,
    4: 0.47980320571640545,
    8: 0.4845970764531083,
    16: 0.48612715818186963,
    32: 0.48728730908780815,
    64: 0.4879642422739664,
    128: 0.48831189411920906,
    256: 0.48848723983607806,
    512: 0.48857585860314345,
}
ANISOTROPIC = {
    (1, 2, 2): 0.371799,
    (4, 4, 1): 0.387183,
    (4, 4, 2): 0.390619,
    (8, 8, 2): 0.397905,
    (1, 1, 2): 0.363216,
}


@pytest.mark.parametrize("scale", ISOTROPIC_3D)
def test_the_bounds_of_cubic_cells_are_the_published_ones(scale):
    assert bound((scale,) * 3) == pytest.approx(ISOTROPIC_3D[scale], abs=1e-14)


@pytest.mark.slow
def test_the_bound_at_scale_512_is_the_published_one():
    assert bound((512,) * 3) == pytest.approx(0.4032603042953307, abs=1e-14)


@pytest.mark.parametrize("scale", ISOTROPIC_2D)
def test_the_bounds_of_square_cells_are_the_published_ones(scale):
    assert bound((scale,) * 2) == pytest.approx(ISOTROPIC_2D[scale], abs=1e-14)


@pytest.mark.parametrize("scales", ANISOTROPIC)
def test_the_bounds_of_flat_cells_are_the_published_ones(scales):
    assert bound(scales) == pytest.approx(ANISOTROPIC[scales], abs=5e-7)


def test_the_order_of_the_axes_does_not_matter():
    assert bound((1, 2, 4)) == pytest.approx(bound((4, 1, 2)), abs=1e-15)


@pytest.mark.parametrize("scale", [1, 2, 3, 4, 8])
def test_the_worst_control_values_reach_the_bound_and_not_more(scale):
    """The sum of one component's differences, maximised over all |control| <= 1 and all voxels of a cell."""
    control = torch.zeros(1, 3, 6, 6, 6, dtype=torch.float64, requires_grad=True)
    u = upsample(control, scale, (6 * scale,) * 3)[0, 0]
    largest = 0.0
    for voxel in itertools.product(range(2 * scale, 2 * scale + scale), repeat=3):
        differences = sum(u[tuple(n + (axis == d) for d, n in enumerate(voxel))] - u[voxel] for axis in range(3))
        (slope,) = torch.autograd.grad(differences, control, retain_graph=True)
        largest = max(largest, float(slope.abs().sum()))
    assert largest * 0.99 * bound((scale,) * 3) == pytest.approx(0.99, abs=1e-7)


def _checkerboard(size: int) -> torch.Tensor:
    parity = sum(torch.meshgrid(*[torch.arange(size)] * 3, indexing="ij")) % 2
    return (2.0 * parity - 1).expand(1, 3, size, size, size)


def _random_signs(size: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(size)
    return torch.randint(0, 2, (1, 3, size, size, size), generator=generator) * 2.0 - 1


@pytest.mark.parametrize("scale", [1, 2, 4, 8])
@pytest.mark.parametrize("signs", [_checkerboard, _random_signs])
def test_control_values_within_the_bound_neither_fold_nor_expand(scale, signs):
    size = 32 // scale + 4
    control = 0.99 * bound((scale,) * 3) * signs(size)
    u = upsample(control, scale, (size * scale,) * 3)[0]
    jacobians = _corner_jacobians(u)  # (8 corners, 3, 3, ...)
    assert jacobians.abs().sum(dim=2).max() <= 0.99 + 1e-6
    eye = torch.eye(3).reshape(1, 3, 3, 1, 1, 1)
    assert torch.linalg.det((eye + jacobians).permute(0, 3, 4, 5, 1, 2)).min() > 0


def _corner_jacobians(u: torch.Tensor) -> torch.Tensor:
    """One-sided derivatives at the 8 corners of every cell: (8, 3 components, 3 axes, I-1, J-1, K-1)."""
    corners = []
    for corner in itertools.product((0, 1), repeat=3):
        columns = []
        for axis in range(3):
            difference = u.diff(dim=axis + 1)
            for other in range(3):
                if other != axis:
                    difference = difference.narrow(other + 1, corner[other], u.shape[other + 1] - 1)
            columns.append(difference)
        corners.append(torch.stack(columns, dim=1))
    return torch.stack(corners)
