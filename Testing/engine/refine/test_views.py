"""Images as seen from the half-way space."""

import dataclasses

import torch

from sitreg_engine.mappings import warp
from sitreg_engine.refine.instance import nothing_moved


def test_images_come_through_their_own_half_of_the_maps(views, true_displacement):
    still = nothing_moved(views.shape, views.moving)
    seen = views.through(dataclasses.replace(still, left=true_displacement))
    assert torch.equal(seen.moving, warp(views.moving, true_displacement))
    assert torch.equal(seen.moving_seen, warp(views.moving_seen, true_displacement))
    assert torch.allclose(seen.fixed, views.fixed, atol=1e-6)
    assert seen.moving_mask is None and seen.fixed_mask is None


def test_pooled_images_have_the_same_mean_on_fewer_voxels(views):
    masked = dataclasses.replace(views, fixed_mask=views.fixed_seen)
    pooled = masked.pooled(4)
    assert pooled.shape == (8, 8, 8) and pooled.moving_mask is None
    assert torch.allclose(pooled.moving.mean(), views.moving.mean(), atol=1e-5)
    assert masked.pooled(1) is masked


def test_without_masks_agreement_is_wanted_everywhere_that_both_show(views):
    half = views.fixed_seen.clone()
    half[:, :, :16] = 0
    windows = dataclasses.replace(views, fixed_seen=half).windows(5)
    assert bool((windows.weight[:, :, 16:] > 0).all()) and float(windows.weight[:, :, :16].abs().max()) == 0


def test_with_masks_agreement_is_wanted_in_either(views):
    first, second = torch.zeros_like(views.fixed), torch.zeros_like(views.fixed)
    first[:, :, :8] = 1
    second[:, :, 24:] = 1
    windows = dataclasses.replace(views, moving_mask=first, fixed_mask=second).windows(5)
    wanted = (first + second) > 0
    assert torch.equal(windows.weight > 0, wanted)
