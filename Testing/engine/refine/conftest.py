"""Two smooth, textured images whose true half-way maps are known."""

import pytest
import torch
from torch import Tensor

from sitreg_engine.mappings import identity, sample
from sitreg_engine.refine.views import Views


def smooth(seed: int, channels: int, shape: tuple[int, int, int], cell: int) -> Tensor:
    """Random values interpolated from a coarse grid, (1, channels, *shape), about -1..1."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, channels, *(n // cell + 2 for n in shape), generator=generator) * 2 - 1
    return torch.nn.functional.interpolate(coarse, size=shape, mode="trilinear", align_corners=True)


@pytest.fixture(scope="session")
def true_displacement() -> Tensor:
    """Half of the motion, (1, 3, I, J, K) voxels, up to about 1.5."""
    return 1.5 * smooth(1, 3, (32, 32, 32), 12)


@pytest.fixture(scope="session")
def views(true_displacement) -> Views:
    """moving(x + u(x)) = template(x) = fixed(x - u(x)), as far as u varies slowly."""
    shape = (32, 32, 32)
    template = smooth(2, 1, shape, 4)
    grid = identity(shape, template)
    weight = torch.ones(1, 1, *shape)
    moving, fixed = sample(template, grid - true_displacement), sample(template, grid + true_displacement)
    return Views(moving, fixed, weight, weight, None, None)
