from dataclasses import replace

import pytest
import torch

from sitreg_engine.models.nephi.similarity import PATCH_SIDE, Likeness

CPU = torch.device("cpu")


def still(points: torch.Tensor) -> torch.Tensor:
    return points


def value(pair, measure: str, there=still, back=still) -> float:
    return float(Likeness.of(pair, CPU, measure).dissimilarity(there, back, 3000, torch.Generator().manual_seed(0)))


@pytest.mark.parametrize("measure", ["global", "contrast", "patches"])
def test_equal_images_are_alike_and_others_are_not(disks, measure):
    # Patches of nothing but background agree about nothing.
    assert value(replace(disks, moving=disks.fixed), measure) < (0.2 if measure == "patches" else 1e-3)
    assert value(disks, measure) > 0.25


@pytest.mark.parametrize("measure", ["global", "patches"])
def test_swapping_images_and_maps_changes_nothing_but_the_points(disks, measure):
    swapped = replace(disks, moving=disks.fixed, fixed=disks.moving)
    ahead, back = (lambda x: x + 0.02), (lambda x: x - 0.05)
    assert value(disks, measure, ahead, back) == pytest.approx(value(swapped, measure, back, ahead), abs=0.1)


def test_both_directions_count(disks):
    far = value(replace(disks, moving=disks.fixed), "global", still, lambda x: x + 0.4)
    assert 0.2 < far < value(replace(disks, moving=disks.fixed), "global", lambda x: x - 0.4, lambda x: x + 0.4)


def test_patches_are_cubes_of_whole_voxels(disks):
    seen = []
    value(disks, "patches", lambda x: seen.append(x) or x)
    patches = (seen[0].reshape(-1, PATCH_SIDE, PATCH_SIDE, PATCH_SIDE, 3) + 1) * 31.5
    assert len(patches) == 3000 // PATCH_SIDE**3
    steps = patches[:, 1:, :, :, 0] - patches[:, :-1, :, :, 0]
    torch.testing.assert_close(steps, torch.ones_like(steps), atol=1e-3, rtol=0)
