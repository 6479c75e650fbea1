"""Masks reach as far beyond what they mask as they are told to."""

import pytest
import torch
import torch.nn.functional as F

from sitreg_engine.dilation import dilated


@pytest.mark.parametrize("shape", [(9, 11, 13), (1, 7, 2)])
@pytest.mark.parametrize("reach", [0, 1, 3])
def test_the_largest_value_of_the_neighbourhood_is_taken(shape, reach):
    mask = torch.rand(1, 1, *shape, generator=torch.Generator().manual_seed(1))
    found = dilated(mask, reach)
    assert torch.equal(found, F.max_pool3d(mask, 2 * reach + 1, 1, reach))


def test_one_voxel_becomes_a_cube():
    mask = torch.zeros(1, 1, 9, 9, 9)
    mask[0, 0, 4, 4, 4] = 1
    found = dilated(mask, 2)
    assert found.sum() == 125 and found[0, 0, 2:7, 2:7, 2:7].all()
