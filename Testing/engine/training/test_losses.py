"""Losses: known values, what they must not care about, and where their gradients lead."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from sitreg_engine.determinants import smallest_determinant
from sitreg_engine.errors import InputError
from sitreg_engine.models.halfway import HalfWay, Registration
from sitreg_engine.training.losses import LOSSES, check_losses, evaluate
from sitreg_engine.training.scored import Pairing, Scored
from sitreg_engine.training.settings import LossSettings
from sitreg_engine.training.views import Group, View

SHAPE = (14, 16, 12)


def noise(seed: int, channels: int = 1, size: float = 1.0, shape=SHAPE) -> Tensor:
    """Smooth random numbers."""
    few = torch.from_numpy(np.random.default_rng(seed).standard_normal((1, channels, 4, 4, 4), dtype=np.float32))
    return size * torch.nn.functional.interpolate(few, size=shape, mode="trilinear", align_corners=True)


def view(image: Tensor, labels: Tensor | None = None, seen: Tensor | None = None) -> View:
    return View(image, image, torch.ones_like(image) if seen is None else seen, labels, None)


def scored(views: list[View], maps: dict[tuple[int, int], HalfWay]) -> Scored:
    pairings = [Pairing(a, b, views[a], views[b], Registration(half)) for (a, b), half in maps.items()]
    return Scored(Group(tuple(views), 2.0), pairings)


def moved(u: Tensor, back: Tensor | None = None) -> HalfWay:
    """Half-way maps whose forward() is u: the half-way space is that of image 2."""
    zero, back = torch.zeros_like(u), -u if back is None else back
    return HalfWay(u, zero, back, zero)


def shift(amount: float, shape=SHAPE) -> Tensor:
    u = torch.zeros(1, 3, *shape)
    u[:, 0] = amount
    return u


def one(name: str, a: View, b: View, half: HalfWay, **settings) -> float:
    return float(LOSSES[name](scored([a, b], {(0, 1): half}), LossSettings(name, **settings)))


STILL = moved(torch.zeros(1, 3, *SHAPE))


# ---- agreement


@pytest.mark.parametrize("name", ["local_ncc", "global_ncc", "mse"])
def test_with_masks_only_what_they_mark_is_asked_to_agree(name):
    mask = torch.zeros(1, 1, *SHAPE)
    mask[:, :, :4] = 1.0
    a, b = noise(1), noise(1)
    b[:, :, 9:] = noise(2)[:, :, 9:]  # beyond the mask and what is added around it
    marked = [replace(view(x), mask=mask) for x in (a, b)]
    same_there = [replace(view(a), mask=mask)] * 2
    assert one(name, *marked, STILL, window=3) == pytest.approx(one(name, *same_there, STILL, window=3), abs=1e-6)
    whole = [one(name, view(a), view(other), STILL, window=3) for other in (a, b)]
    assert whole[1] > whole[0] + 0.01
    half = [marked[0], view(b)]
    assert one(name, *half, STILL, window=3) == pytest.approx(one(name, *marked, STILL, window=3), abs=1e-6)


@pytest.mark.parametrize(("name", "best"), [("local_ncc", -1.0), ("global_ncc", -1.0), ("mse", 0.0)])
@pytest.mark.parametrize("space", ["images", "halfway"])
def test_equal_images_agree_best(name, best, space):
    image = view(noise(1))
    assert one(name, image, image, STILL, space=space, window=3) == pytest.approx(best, abs=0.05)
    assert one(name, image, view(noise(2)), STILL, space=space, window=3) > best + 0.1


@pytest.mark.parametrize("name", ["local_ncc", "global_ncc"])
def test_correlation_does_not_care_about_brightness(name):
    a, b = noise(1), noise(2)
    before = one(name, view(a), view(b), STILL, window=5)
    assert one(name, view(3 * a + 1), view(b), STILL, window=5) == pytest.approx(before, abs=2e-3)


def test_local_correlation_does_not_care_about_inversion():
    assert one("local_ncc", view(noise(1)), view(-noise(1)), STILL, window=3) == pytest.approx(-1, abs=0.05)


@pytest.mark.parametrize("name", ["local_ncc", "global_ncc", "mse"])
def test_what_one_image_does_not_show_has_no_say(name):
    a, b, seen = noise(1), noise(1), torch.ones(1, 1, *SHAPE)
    seen[:, :, :7] = 0
    spoilt = torch.where(seen > 0, b, 100.0)
    clean = one(name, view(a), view(b, seen=seen), STILL, window=3)
    assert one(name, view(a), view(spoilt, seen=seen), STILL, window=3) == pytest.approx(clean, abs=1e-4)


@pytest.mark.parametrize("name", ["local_ncc", "global_ncc", "mse", "soft_dice"])
@pytest.mark.parametrize("space", ["images", "halfway"])
def test_the_gradient_leads_to_where_the_images_agree(name, space):
    full = noise(3, shape=(18, 16, 12))
    labels = (full > 0).int() + 1
    a = view(full[:, :, 2:16], labels[:, :, 2:16])
    b = view(full[:, :, 4:18], labels[:, :, 4:18])  # a at x + 2
    u = shift(1.0).requires_grad_()
    settings = LossSettings(name, space=space, window=5)
    LOSSES[name](scored([a, b], {(0, 1): moved(u, -u)}), settings).backward()
    assert float(u.grad[:, 0, 3:-3].sum()) < 0


def test_losses_compare_the_target_and_not_what_the_network_was_shown():
    image, other = noise(1), noise(2)
    strange = View(other, image, torch.ones_like(image), None, None)
    assert one("mse", strange, view(image), STILL) == pytest.approx(0, abs=1e-9)


# ---- smoothness and folds


def test_diffusion_of_a_ramp_is_its_squared_slope():
    u = torch.zeros(1, 3, *SHAPE)
    u[0, 1] = 0.3 * torch.arange(SHAPE[2])
    # one component out of three, along one axis out of three
    assert one("diffusion", view(noise(1)), view(noise(1)), moved(u, u)) == pytest.approx(0.09 / 9, rel=1e-4)


def test_bending_does_not_see_affine_maps_but_a_parabola():
    i, j, _ = (x.float() for x in torch.meshgrid(*map(torch.arange, SHAPE), indexing="ij"))
    affine = torch.stack([0.1 * i + 0.2 * j, -0.3 * i, 0 * i])[None]
    assert one("bending", view(noise(1)), view(noise(1)), moved(affine, affine)) == pytest.approx(0, abs=1e-8)
    bent = torch.stack([0.05 * i * i, 0 * i, 0 * i])[None]
    assert one("bending", view(noise(1)), view(noise(1)), moved(bent, bent)) == pytest.approx(0.01 / 3, rel=1e-3)
    mixed = torch.stack([0.1 * i * j, 0 * i, 0 * i])[None]
    assert one("bending", view(noise(1)), view(noise(1)), moved(mixed, mixed)) == pytest.approx(0.02 / 3, rel=1e-3)


@pytest.mark.parametrize("name", ["negative_jacobian", "ndv"])
def test_a_map_without_folds_costs_nothing(name):
    u = noise(4, 3, 0.4)
    assert float(smallest_determinant(u[0]).min()) > 0
    assert one(name, view(noise(1)), view(noise(1)), moved(u, u)) == 0


def test_a_map_turned_inside_out_has_lost_all_its_volume():
    u = shift(0.0)
    u[0, 0] = -2.0 * torch.arange(SHAPE[0]).reshape(-1, 1, 1)  # x -> -x: every determinant is -1
    cells = np.prod(np.array(SHAPE) - 1)
    assert one("ndv", view(noise(1)), view(noise(1)), moved(u, u)) == pytest.approx(cells, rel=1e-5)
    assert one("negative_jacobian", view(noise(1)), view(noise(1)), moved(u, u)) == pytest.approx(1.0)


@pytest.mark.parametrize(("axis", "sign"), [(0, 1), (1, -1), (2, 1)])
def test_one_voxel_out_of_place_turns_a_third_of_a_voxel_over(axis, sign):
    u = shift(0.0)
    u[0, axis, 6, 6, 6] = 1.5 * sign
    # On that side the four corners at the voxel and the four at its neighbour have determinant 1 - 1.5; each is six
    # times a tetrahedron, of one of two ways to cut the cells. The inner tetrahedra keep 2 - 1.5.
    assert one("ndv", view(noise(1)), view(noise(1)), moved(u, u)) == pytest.approx(8 * 0.5 / 12, rel=1e-4)


def test_the_gradient_of_the_folded_volume_unfolds():
    u = shift(0.0)
    u[0, 0, 6, 6, 6] = 1.5
    u.requires_grad_()
    LOSSES["ndv"](scored([view(noise(1))] * 2, {(0, 1): moved(u, u)}), LossSettings("ndv")).backward()
    assert float(u.grad[0, 0, 6, 6, 6]) > 0


# ---- consistency


def test_going_there_and_back_costs_nothing_when_it_ends_where_it_began():
    assert one("inverse_consistency", view(noise(1)), view(noise(1)), moved(shift(1.5), shift(-1.5))) == 0
    off = one("inverse_consistency", view(noise(1)), view(noise(1)), moved(shift(1.5), shift(-1.0)))
    assert off == pytest.approx(0.25 / 3)


def test_three_maps_that_add_up_cost_nothing_and_others_their_gap():
    views = [view(noise(n)) for n in range(3)]
    maps = {(0, 1): moved(shift(1.0)), (1, 2): moved(shift(0.5)), (0, 2): moved(shift(1.5))}
    assert float(LOSSES["group_consistency"](scored(views, maps), LossSettings("group_consistency"))) == 0
    maps[0, 2] = moved(shift(2.0))
    found = float(LOSSES["group_consistency"](scored(views, maps), LossSettings("group_consistency")))
    assert found == pytest.approx(0.25 / 3)


# ---- labels


def test_soft_dice_of_equal_maps_is_zero_and_of_a_shift_what_one_counts():
    labels = torch.zeros(1, 1, *SHAPE, dtype=torch.int32)
    labels[:, :, 3:7, 3:9, 3:9] = 5
    image = view(noise(1), labels)
    assert one("soft_dice", image, image, STILL) == pytest.approx(0, abs=1e-6)
    assert one("soft_dice", image, image, moved(shift(1.0))) == pytest.approx(0.25, abs=1e-6)


def test_labels_that_one_image_lacks_are_left_out():
    labels = torch.zeros(1, 1, *SHAPE, dtype=torch.int32)
    labels[:, :, 3:7] = 5
    more = labels.clone()
    more[:, :, 9:] = 7
    assert one("soft_dice", view(noise(1), labels), view(noise(1), more), STILL) == pytest.approx(0, abs=1e-6)


def test_without_labels_there_is_nothing_to_compare():
    assert one("soft_dice", view(noise(1)), view(noise(2)), STILL) == 0


def test_only_so_many_labels_are_drawn_and_always_the_same_for_a_step():
    labels = (torch.arange(SHAPE[0]).reshape(1, 1, -1, 1, 1) // 2).expand(1, 1, *SHAPE).int()
    views = [view(noise(1), labels), view(noise(1), labels.roll(1, 2))]
    pairings = scored(views, {(0, 1): STILL}).pairings
    group = Group(tuple(views), 2.0)
    few = [
        float(LOSSES["soft_dice"](Scored(group, pairings, seed), LossSettings("soft_dice", labels=1)))
        for seed in ((1, 2), (1, 2), (1, 3), (1, 4))
    ]
    assert few[0] == few[1]
    assert len(set(few)) > 1


# ---- the list


def test_the_total_is_the_weighted_sum():
    total, parts = evaluate(
        scored([view(noise(1)), view(noise(2))], {(0, 1): moved(noise(3, 3, 0.3))}),
        (LossSettings("mse", 2.0), LossSettings("diffusion", 0.5)),
    )
    assert set(parts) == {"mse", "diffusion"}
    assert float(total) == pytest.approx(2 * parts["mse"] + 0.5 * parts["diffusion"])


# On fields or maps that other models lack; those tests are with their models'.
OF_HALF_DISPLACEMENTS, OF_VELOCITIES = {"laplacian", "zero", "anti_fold"}, {"kl", "velocity_gradient"}
OF_FUNCTIONS = {"sampled_ncc", "sampled_contrast_ncc", "gradicon", "latent_prior", "taught"}
OF_ONE_MODEL = OF_HALF_DISPLACEMENTS | OF_VELOCITIES | OF_FUNCTIONS


@pytest.mark.parametrize("name", sorted(set(LOSSES) - {"group_consistency"} - OF_ONE_MODEL))
def test_swapping_the_images_changes_no_loss(name):
    labels = [(noise(n) > 0).int() + 1 for n in (1, 2)]
    views = [view(noise(n), labels[n - 1]) for n in (1, 2)]
    half = HalfWay(*(noise(10 + n, 3, 0.4) for n in range(4)))
    swapped = HalfWay(half.right, half.left, half.right_inverse, half.left_inverse)
    assert one(name, *views, half) == pytest.approx(one(name, *views[::-1], swapped), rel=1e-5)


@pytest.mark.parametrize(
    ("settings", "group", "reason"),
    [
        ((), 2, "at least one loss"),
        ((LossSettings("ncc"),), 2, "must be one of local_ncc"),
        ((LossSettings("group_consistency"),), 2, "set group = 3, got 2"),
        ((LossSettings("local_ncc", window=8),), 2, "must be odd, got 8"),
    ],
)
def test_losses_that_cannot_be_are_refused(settings, group, reason):
    with pytest.raises(InputError, match=reason):
        check_losses(settings, group)
