"""The comparison trains, judges and measures what it says."""

import argparse
import dataclasses
import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from accuracy_pairs import data_folder
from claims import PAGE, run
from claims_costs import FITTING, NOTHING, as_published, step_cost, waves
from claims_inversion import evaluations, fields_saved, saved_fields
from claims_judge import judged
from claims_methods import METHODS, settings_of
from claims_networks import BASELINE, OneWayUNet, one_way_diffusion, register_baseline
from claims_parts import Results
from claims_work import Place, fitting, judged_prediction, predicting, trained
from torch import nn

from sitreg_engine.errors import InputError
from sitreg_engine.models.unet import UNetConfig
from sitreg_engine.training.losses import check_losses
from sitreg_engine.training.losses.smoothness import diffusion
from sitreg_engine.training.networks import build_network
from sitreg_engine.training.scored import Pairing, Scored
from sitreg_engine.training.settings import LossSettings
from sitreg_engine.training.views import Group, View

SHAPE = (20, 16, 18)


def baseline(deviation: float = 0.05) -> OneWayUNet:
    """With a flow head that moves things."""
    torch.manual_seed(0)
    network = OneWayUNet(UNetConfig(2, (4, 4), (4, 4), (4,)))
    nn.init.normal_(network.flow.weight, 0, deviation)
    return network


def view(shift: float) -> View:
    """A ball with a half as label 2, displaced by `shift` voxels along the first axis."""
    places = torch.stack(torch.meshgrid(*[torch.arange(n) - (n - 1) / 2 for n in SHAPE], indexing="ij"))
    places[0] -= shift
    inside = places.norm(dim=0) < 5
    image = (inside * (1 + 0.1 * places[1])).float()[None, None] / 2
    labels = (inside * (1 + (places[1] > 0))).int()[None, None]
    return View(image, image, torch.ones_like(image), labels, None)


def pairs() -> list[tuple[str, Group]]:
    return [(name, Group((view(0.0), view(shift)), 4.0)) for name, shift in (("a", 2.0), ("b", 1.0))]


def constant(moving: View, fixed: View) -> tuple[torch.Tensor, torch.Tensor]:
    """The ball's centre is displaced by as much as the centre of its brightness."""
    axis = torch.arange(SHAPE[0]).float()
    centres = [(v.image.sum(dim=(0, 1, 3, 4)) * axis).sum() / v.image.sum() for v in (moving, fixed)]
    u = torch.zeros(1, 3, *SHAPE)
    u[:, 0] = centres[0] - centres[1]
    return u, -u


def test_the_baseline_goes_one_way_and_its_way_back_is_a_pass_of_its_own():
    network, (a, b) = baseline(), (torch.rand(1, 1, *SHAPE), torch.rand(1, 1, *SHAPE))
    found, turned = network(a, b), network(b, a)
    assert found.f12.shape == (1, 3, *SHAPE) and found.f12.abs().max() > 0.01
    assert torch.equal(found.f21, turned.f12) and not torch.allclose(found.f21, found.f12, atol=1e-2)
    assert torch.allclose(found.halfway.forward(), found.f12, atol=1e-4)
    assert torch.allclose(found.halfway.inverse(), found.f21, atol=1e-4)


def test_the_baseline_has_voxelmorphs_size_and_nothing_to_choose():
    assert sum(p.numel() for p in OneWayUNet.from_table({}).parameters()) == 327_331
    with pytest.raises(InputError, match="no settings, got channels"):
        OneWayUNet.from_table({"channels": 3})


def test_one_way_diffusion_is_the_engines_own_of_the_one_field():
    network, one, two = baseline(), view(0.0), view(1.0)
    found = network(one.image, two.image)
    both = Scored(Group((one, two), 4.0), [Pairing(0, 1, one, two, found)])
    same_twice = dataclasses.replace(found, turned=lambda: found.f12)
    twice = Scored(both.group, [Pairing(0, 1, one, two, same_twice)])
    settings = LossSettings("one_way_diffusion")
    assert one_way_diffusion(both, settings).item() == pytest.approx(diffusion(twice, settings).item(), rel=1e-6)
    assert "f21" not in vars(found)  # nobody has asked for the other pass


@pytest.mark.parametrize("name", METHODS)
def test_every_method_can_be_built_and_its_losses_are_known(name, tmp_path):
    register_baseline()
    settings = settings_of(name, 7, tmp_path / "run", None)
    check_losses(settings.losses, settings.group)
    assert sum(p.numel() for p in build_network(settings.model, settings.network, settings.seed).parameters()) > 3e5
    assert (
        settings.steps == 7 and settings.augment.strip == 1.0 and (settings.model == BASELINE) == (name == "baseline")
    )


def test_all_methods_share_data_seed_and_steps(tmp_path):
    found = [settings_of(name, 5, tmp_path, None) for name in METHODS]
    for name in ("data", "seed", "steps", "augment", "group"):
        assert len({repr(getattr(settings, name)) for settings in found}) == 1


def test_a_phase_begins_with_the_weights_of_the_one_before(tmp_path):
    assert settings_of("ddrnet", 5, tmp_path, tmp_path / "local").start.weights == str(tmp_path / "local")
    with pytest.raises(FileNotFoundError, match="trains ddrnet_global"):
        trained(Place(tmp_path, 2, 2, 1), "ddrnet_local")


def test_costs_are_measured_with_the_sizes_of_the_papers(tmp_path):
    settings = as_published(settings_of("ddrnet_local", 5, tmp_path, None), (32, 48, 32))
    assert settings.network == {"phase": "local", "overlap": 0}
    assert as_published(settings_of("nephi", 5, tmp_path, None), (32, 48, 32)).network["shape"] == [32, 48, 32]


@pytest.mark.parametrize("what", ["baseline", "ddrnet_local", FITTING])
def test_a_step_costs_time_and_memory(what):
    found = step_cost(what, (32, 32, 16), 1)
    assert found.cpu_seconds > 0 and found.wall_seconds > 0 and found.peak_mib > 50
    assert step_cost(NOTHING, (16, 16, 16), 1).cpu_seconds == 0


def test_waves_differ_and_lie_between_0_and_1():
    a, b = waves((8, 9, 10))
    assert a.shape == b.shape == (1, 1, 8, 9, 10) and not torch.equal(a, b)
    assert min(a.min(), b.min()) >= 0 and max(a.max(), b.max()) <= 1


def test_inversion_keeps_one_field_and_seven_squarings_fourteen():
    found = saved_fields()
    assert (found.inversion, found.squaring) == (1.0, 14.0) and found.own_squaring == 7.0


def test_what_a_layer_is_given_does_not_count_as_kept():
    assert fields_saved(lambda u: u * u) == 0.0
    assert fields_saved(lambda u: (2 * u).sin()) == 1.0


def test_evaluations_are_counted_for_each_level_order_and_pair():
    network = build_network("sitreg", {"features": [4, 4], "update_features": [4, 4], "groups": 2}, 1)
    found = evaluations(network, pairs())
    assert len(found.counts) == 2 * 2 * 2 and min(found.counts) >= 2 and found.tolerance == 0.01


def test_the_right_map_raises_dice_and_lowers_the_error():
    found = judged("right", constant, pairs())
    for pair in found.pairs:
        assert pair.dice > 0.99 > pair.dice_before and pair.rmse < 1e-3 < pair.rmse_before
        assert pair.folded == 0 and pair.spread == pytest.approx(0, abs=1e-6)
        assert pair.inverse_error < 1e-5 and pair.cycle_error < 1e-5 and pair.swapped_voxels < 1e-5


def test_no_motion_leaves_everything_as_it_was():
    found = judged("still", lambda a, b: (torch.zeros(1, 3, *SHAPE),) * 2, pairs())
    for pair in found.pairs:
        assert pair.dice == pair.dice_before and pair.rmse == pair.rmse_before and pair.inverse_error == 0


def test_folds_are_counted_where_any_of_the_eight_determinants_is_not_positive():
    def fold(_moving: View, _fixed: View) -> tuple[torch.Tensor, torch.Tensor]:
        u = torch.zeros(1, 3, *SHAPE)
        u[0, 0, 10, 8, 9] = -1.5  # behind its neighbour: the cells on that side turn over
        return u, torch.zeros_like(u)

    pair = judged("fold", fold, pairs()).pairs[0]
    assert pair.folded == 1.0  # two voxels of one of the two fields
    assert pair.folded_percent == pytest.approx(100 / np.prod(SHAPE))


def test_a_way_back_that_belongs_to_the_other_order_is_told_from_an_inverse():
    def one_way(moving: View, _fixed: View) -> tuple[torch.Tensor, torch.Tensor]:
        u = torch.zeros(1, 3, *SHAPE)
        u[:, 0] = 0.5 + moving.image.mean()
        return u, -u

    pair = judged("one way", one_way, pairs()).pairs[0]
    assert pair.inverse_error == 0 and pair.cycle_error > 3.9 and pair.swapped_voxels > 0.9  # 1 voxel of 4 mm


SMALL_NETWORKS = {
    "sitreg": {"features": [4, 4], "update_features": [4, 4], "groups": 2},
    "snet": {"encoder": [4, 4], "decoder": [4, 4], "final": [4]},
    "ddrnet": {"encoder": [4, 4], "decoder": [4, 4], "final": [4]},
    "nephi": {"shape": [20, 16, 18], "norm": "group", "hidden": 8},
    BASELINE: {},
}


@pytest.mark.parametrize("model", SMALL_NETWORKS)
def test_every_network_can_be_judged(model):
    register_baseline()
    network = build_network(model, SMALL_NETWORKS[model], 1).eval().requires_grad_(False)
    found = judged(model, predicting(network), pairs()[:1])
    pair = found.pairs[0]
    assert all(np.isfinite(value) for name, value in vars(pair).items() if name != "name")
    assert pair.dice == pytest.approx(pair.dice_before, abs=0.15) and pair.cpu_seconds > 0
    assert pair.swapped_voxels == 0 or model not in ("sitreg", BASELINE)


def test_nephi_is_fitted_to_the_pair_and_the_network_stays_as_it_was():
    network = build_network("nephi", SMALL_NETWORKS["nephi"], 1).eval().requires_grad_(False)
    before = [parameter.clone() for parameter in network.parameters()]
    moving, fixed = pairs()[0][1].views
    there, back = fitting(network, 2)(moving, fixed)
    assert there.shape == back.shape == (1, 3, *SHAPE) and bool(there.isfinite().all())
    assert all(torch.equal(a, b) for a, b in zip(before, network.parameters(), strict=True))


def test_a_part_runs_in_a_process_of_its_own_and_is_not_run_twice(tmp_path):
    script = PAGE.parents[1] / "Testing" / "benchmarks" / "claims.py"
    command = [sys.executable, str(script), "--folder", str(tmp_path), "--only", "saved_fields", "--steps", "2"]
    first = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "saved_fields: done" in first.stderr and "0.071 (1.0 / 14.0)" in first.stdout
    assert json.loads((tmp_path / "sizes" / "saved_fields.json").read_text(encoding="utf-8"))["squaring"] == 14.0
    assert run("saved_fields", Results(tmp_path, 2), argparse.Namespace())  # it would not know how to run it again


@pytest.mark.slow
def test_a_training_of_two_steps_is_judged_on_a_real_pair(tmp_path):
    if not (data_folder() / "brain_ixi_2mm").is_dir():
        pytest.skip("needs brain_ixi_2mm in SITREG_DATA or ../shared/data")
    place = Place(tmp_path, 2, 2, 1)
    assert trained(place, "baseline").steps == 2
    found = judged_prediction(place, "baseline")
    assert found.mean("dice") == pytest.approx(found.mean("dice_before"), abs=0.02) and found.mean("dice_before") > 0.3
