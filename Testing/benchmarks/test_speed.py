"""The benchmark counts what it says it counts: on small networks, small pairs and a real worker."""

import json
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from speed_convolutions import Recorder, seconds_alone
from speed_forward import forward_pass
from speed_growth import exponent
from speed_machine import this_machine
from speed_network import QUIET, Setting, both_maps, images, network_for, write_weights
from speed_pairs import ct_pair, head_pair
from speed_precision import difference_to_float32
from speed_process import cost_of, in_fresh_processes
from speed_stages import measure as stages
from speed_start import contract_import
from speed_table import Figure, Section, figures_of, markdown
from speed_training import Saved, training_step
from torch import nn

from sitreg_engine.contract import STAGES
from sitreg_engine.inputs import read_volume
from sitreg_engine.models import shelved
from sitreg_engine.models.sitreg.checkpoint import load_checkpoint

SMALL = Setting((32, 32, 32), "float32", "cpu")


def process_id() -> int:
    import os

    return os.getpid()


def fail() -> None:
    raise ValueError("this is meant to fail")


def hold(mebibytes: int) -> float:
    """MiB that 64-bit zeros are said to need."""
    return cost_of(lambda: np.full(mebibytes * 2**17, 1.0), "cpu")[1].grown_mib


def test_every_repeat_runs_in_a_process_of_its_own():
    assert len({process_id(), *in_fresh_processes(process_id, repeats=3)}) == 4


def test_what_fails_in_a_process_is_told():
    with pytest.raises(ValueError, match="meant to fail"):
        in_fresh_processes(fail)


def test_memory_is_counted_even_when_it_was_given_back():
    assert in_fresh_processes(hold, 300)[0] == pytest.approx(300, abs=15)


def test_cpu_and_wall_seconds_are_told_apart():
    _, asleep = cost_of(lambda: time.sleep(0.3), "cpu")
    assert asleep.wall_seconds >= 0.3 and asleep.cpu_seconds < 0.2


def test_every_convolution_is_recorded_in_its_layout_however_it_is_called():
    layer = nn.Conv3d(4, 8, 3, padding=1)
    image = torch.rand(1, 4, 6, 6, 6).contiguous(memory_format=torch.channels_last_3d)
    for mode in (torch.inference_mode, torch.no_grad):
        with mode(), Recorder() as recorder:
            nn.functional.conv3d(layer(image), torch.rand(2, 8, 1, 1, 1), stride=2)
        first, second = recorder.convolutions
        assert first.image.strides == image.stride() and first.padding == (1, 1, 1) and first.bias.shape == (8,)
        assert second.weight.shape == (2, 8, 1, 1, 1) and second.stride == (2, 2, 2) and second.bias is None


def test_convolutions_alone_take_time_and_none_is_an_error():
    with torch.inference_mode(), Recorder() as recorder:
        nn.Conv3d(8, 8, 3, padding=1)(torch.rand(1, 8, 48, 48, 48))
    cpu, wall = seconds_alone(recorder.convolutions, "cpu")
    assert cpu > 0 and wall > 0
    with pytest.raises(ValueError, match="none"):
        seconds_alone([], "cpu")


def test_the_networks_weights_are_always_the_same_and_move_things_by_voxels():
    first, second = (both_maps(network_for(SMALL), images(SMALL)) for _ in range(2))
    assert torch.equal(first[0], second[0]) and torch.equal(first[1], second[1])
    quiet = both_maps(network_for(replace(SMALL, gain=QUIET)), images(SMALL))
    assert 1.0 < float(first[0].norm(dim=1).max()) < 20
    assert 0 < float(quiet[0].norm(dim=1).max()) < 0.1


def test_the_weights_on_disk_are_the_networks(tmp_path):
    loaded, _ = load_checkpoint(write_weights(tmp_path / "weights.pt"))
    expected = network_for(SMALL).state_dict()
    assert all(torch.equal(tensor, expected[name]) for name, tensor in loaded.state_dict().items())


def test_a_forward_pass_costs_more_than_its_convolutions():
    cpu, wall, peak, again, wall_again, alone, share = forward_pass(SMALL)
    assert 0 < alone < cpu and min(again, wall, wall_again) > 0 and peak > 100
    assert share == pytest.approx(100 * alone / again)


def test_bfloat16_differs_from_float32_a_little_and_float32_not_at_all(tmp_path):
    files = head_pair(tmp_path, 8.0)
    mean, largest, folded, exactly = difference_to_float32(files, "cpu")
    assert 0 < mean < 0.1 and mean < largest and abs(folded - exactly) < 10
    assert difference_to_float32(files, "cpu", torch.float32) == (0.0, 0.0, exactly, exactly)


def test_memory_for_the_backward_pass_is_counted_once_and_without_parameters():
    weight, x = torch.ones(1000, requires_grad=True), torch.ones(1000)
    saved = Saved({weight.untyped_storage().data_ptr()})
    with torch.autograd.graph.saved_tensors_hooks(saved.note, lambda tensor: tensor):
        (weight * x + weight * x[:500].repeat(2) + weight * x).sum()
    assert saved.mebibytes == pytest.approx((4000 + 4000) / 2**20)


def test_a_training_step_keeps_memory_for_its_backward_pass():
    cpu, _, peak, saved = training_step(SMALL)
    assert cpu > 0 and 1 < saved < peak


def test_the_exponent_of_a_power_is_found():
    assert exponent({side: 3e-7 * side**3.3 for side in (64, 96, 128)}) == pytest.approx(1.1)


def test_the_synthetic_pairs_are_made_once_and_differ(tmp_path):
    for make in (lambda: head_pair(tmp_path, 8.0), lambda: ct_pair(tmp_path, (32, 32, 20))):
        files = make()
        made = files.fixed.stat().st_mtime_ns
        fixed, moving = (read_volume(str(path), "image") for path in (make().fixed, files.moving))
        assert files.fixed.stat().st_mtime_ns == made
        assert fixed.grid == moving.grid and fixed.array.std() > 50
        assert 0.3 < np.corrcoef(fixed.array.ravel(), moving.array.ravel())[0, 1] < 0.98


def test_the_scans_of_a_synthetic_pair_have_noise_of_their_own(tmp_path):
    files = head_pair(tmp_path, 8.0)
    fixed, moving = (read_volume(str(path), "image").array[:, -2:, :2].ravel() for path in (files.fixed, files.moving))
    assert fixed.std() > 5 and moving.std() > 5  # air behind the head
    assert abs(np.corrcoef(fixed, moving)[0, 1]) < 0.5


def test_the_contract_is_imported_without_anything_heavy():
    assert contract_import() > 0


def test_a_whole_registration_is_timed_by_its_stages(tmp_path):
    figures = {figure.what: figure for figure in stages("cpu", 2, tmp_path, spacing=8.0)}
    assert all(figures[stage].median > 0 for stage in STAGES)
    whole = figures["from the command to the answer"]
    assert len(whole.each) == 2 and whole.median >= sum(figures[stage].median for stage in STAGES) * 0.9
    assert ("brain-t1, no refinement: model" in figures) == ("brain-t1" in {card.id for card in shelved()})


def test_a_table_has_a_column_per_device_and_says_which_was_not_there():
    figures = figures_of((("a, s", 1, "≤ 3"), ("b, MiB", 0, "")), [(1.0, 10.0), (2.04, 30.0), (9.0, 20.0)])
    lines = markdown(Section("x", "title", {"cpu": figures})).splitlines()
    assert lines[0] == "| title | goal | cpu | cuda |"
    assert lines[2:] == ["| a, s | ≤ 3 | 2.0 | not measured |", "| b, MiB |  | 20 | not measured |"]
    both = markdown(Section("x", "title", {"cpu": figures, "cuda": [Figure("a, s", (0.5,))]}))
    assert "| 2.0 | 0.5 |" in both and "not measured" not in both


def test_the_machine_is_named():
    machine = this_machine()
    assert machine.cores >= 1 and machine.memory_gib > 0.5 and machine.commit
    assert torch.__version__ in machine.line() and machine.devices()[0] == "cpu"
    assert ("cuda" in machine.devices()) == torch.cuda.is_available()
    json.dumps(vars(machine))
