"""A run: it learns, it can be interrupted anywhere without a trace, and it says what it did."""

import csv
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import SimpleITK as sitk
import torch

from sitreg_engine.errors import InputError
from sitreg_engine.training.command import run_training
from sitreg_engine.training.config_file import read_settings
from sitreg_engine.training.loop import train
from sitreg_engine.training.settings import OptimiserSettings
from sitreg_engine.training.state import read_checkpoint
from sitreg_engine.training.step import learning_rate

LOUD = "gamma = 0.3\nbias = 0.3\nnoise = 0.1\nstrip = 0.3\ncrop = 0.3\n"


def quietly(_: str) -> None:
    pass


def lines(path: Path) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def after(steps: int, run: Path) -> Callable[[], bool]:
    """Asks to stop when the log has so many."""
    log = run / "log.csv"
    return lambda: log.is_file() and len(lines(log)) >= steps


def same(one: Path, other: Path) -> bool:
    """Whether two checkpoints hold the same bits: weights, average and the optimiser's memory."""
    first, second = read_checkpoint(one), read_checkpoint(other)
    states = [content["optimiser"]["state"] for content in (first, second)]
    memories = [{f"{n}.{k}": v for n, state in s.items() for k, v in state.items()} for s in states]
    tables = [(first[name], second[name]) for name in ("network", "average")] + [tuple(memories)]
    return first["reached"] == second["reached"] and all(
        a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a) for a, b in tables
    )


def test_training_brings_the_validation_pair_into_agreement(config, tmp_path):
    path = config(steps=100, every=100, features="[4, 4, 4]", update_features="[8, 8, 8]", optimiser="ema = 0.9")
    assert run_training(str(path), None, 0, quietly) == 0
    found = lines(tmp_path / "run" / "validation.csv")[-1]
    assert float(found["dice"]) > float(found["dice_before"]) + 0.02
    assert float(found["folded"]) == 0
    assert float(found["inverse_error"]) < 0.2  # mm
    logged = lines(tmp_path / "run" / "log.csv")
    assert [int(line["step"]) for line in logged] == list(range(1, 101))
    early, late = (sum(float(line["soft_dice"]) for line in part) / 8 for part in (logged[:8], logged[-8:]))
    assert late < early - 0.03


def test_a_run_that_was_interrupted_ends_with_the_same_bits(config, tmp_path):
    settings = read_settings(config("whole", run="whole", steps=5, augment=LOUD, optimiser="accumulate = 2"))
    train(settings, None, 0, quietly)
    path = config("parts", run="parts", steps=5, augment=LOUD, optimiser="accumulate = 2")
    first = train(read_settings(path), None, 0, quietly, after(2, tmp_path / "parts"))
    assert first.step == 2
    assert run_training(str(path), "", 0, quietly) == 0
    assert same(tmp_path / "whole" / "last.pt", tmp_path / "parts" / "last.pt")
    whole, parts = (lines(tmp_path / name / "log.csv") for name in ("whole", "parts"))
    assert [{**line, "seconds": ""} for line in whole] == [{**line, "seconds": ""} for line in parts]


def test_going_on_from_an_earlier_checkpoint_cuts_the_log_there(config, tmp_path):
    path = config(steps=4)
    run_training(str(path), None, 0, quietly)
    before = lines(tmp_path / "run" / "log.csv")
    (tmp_path / "run" / "last.pt").unlink()
    (tmp_path / "run" / "log.csv").unlink()
    train(read_settings(path), None, 0, quietly, after(2, tmp_path / "run"))
    assert len(lines(tmp_path / "run" / "log.csv")) == 2
    early = tmp_path / "early.pt"
    (tmp_path / "run" / "last.pt").rename(early)
    run_training(str(path), str(early), 0, quietly)
    again = lines(tmp_path / "run" / "log.csv")
    assert [line["loss"] for line in again] == [line["loss"] for line in before]


def test_resuming_where_nothing_was_begun_begins(config, tmp_path):
    assert run_training(str(config(steps=1)), "", 0, quietly) == 0
    assert read_checkpoint(tmp_path / "run" / "last.pt")["reached"]["step"] == 1


def test_other_losses_begin_another_log(config, tmp_path):
    path = config(steps=2)
    run_training(str(path), None, 0, quietly)
    path = config(steps=3, rest='[[losses]]\nname = "bending"\nweight = 0.1\n')
    run_training(str(path), "", 0, quietly)
    assert [line["step"] for line in lines(tmp_path / "run" / "log_until_2.csv")] == ["1", "2"]
    after = lines(tmp_path / "run" / "log.csv")
    assert [line["step"] for line in after] == ["3"]
    assert "bending" in after[0]


def test_the_time_limit_ends_a_run_with_a_checkpoint(config, tmp_path):
    assert run_training(str(config(steps=100000)), None, 0.1, quietly) == 0
    assert read_checkpoint(tmp_path / "run" / "last.pt")["reached"]["step"] > 0


def test_the_time_limit_holds_for_the_preparation_too(config, tmp_path):
    told: list[str] = []
    assert run_training(str(config(steps=100000)), None, 1e-6, told.append) == 0
    assert told == ["Stopped while the training was being prepared; what is done is kept in the cache."]
    assert not (tmp_path / "run" / "last.pt").exists()


def test_a_run_without_validation_persons_says_so(config, people, tmp_path):
    table = tmp_path / "all_train.csv"
    table.write_text(people.table.read_text(encoding="utf-8").replace(",val", ",train"), encoding="utf-8")
    path = config(steps=1, data=f'root = "{people.folder}"')
    path.write_text(path.read_text(encoding="utf-8").replace(people.table.as_posix(), table.as_posix()))
    told: list[str] = []
    assert run_training(str(path), None, 0, told.append) == 0
    assert any(line.startswith("No validation: a pair needs two validation persons") for line in told)
    path.write_text(path.read_text(encoding="utf-8").replace("pairs = 1", "pairs = 1\npatience = 2"))
    with pytest.raises(InputError, match=r"validation\.patience"):
        run_training(str(path), "", 0, quietly)


def test_the_last_step_is_validated_whatever_the_interval(config, tmp_path):
    run_training(str(config(steps=3, every=2)), None, 0, quietly)
    assert [line["step"] for line in lines(tmp_path / "run" / "validation.csv")] == ["2", "3"]
    run_training(str(config("never", run="never", steps=2, every=0)), None, 0, quietly)
    assert not (tmp_path / "never" / "validation.csv").exists()


def test_a_run_goes_on_by_its_folder_from_where_it_was_and_by_its_own_settings(config, tmp_path):
    run = tmp_path / "run"
    path = config(steps=4, every=1, optimiser="ema = 0.5").read_text(encoding="utf-8")
    (tmp_path / "worse.toml").write_text(path.replace("learning_rate = 0.01", "learning_rate = 1000.0"))
    train(read_settings(tmp_path / "worse.toml"), None, 0, quietly, after(3, run))
    assert read_checkpoint(run / "best.pt")["reached"]["step"] < 3
    (run / "settings.toml").write_text((tmp_path / "worse.toml").read_text(encoding="utf-8"), encoding="utf-8")
    assert run_training(str(run / "settings.toml"), str(run), 0, quietly) == 0
    assert [line["step"] for line in lines(run / "log.csv")] == ["1", "2", "3", "4"]


def test_the_settings_of_a_run_stay_when_it_cannot_go_on(config, tmp_path):
    run_training(str(config(steps=1)), None, 0, quietly)
    kept = (tmp_path / "run" / "settings.toml").read_text(encoding="utf-8")
    with pytest.raises(InputError, match="A checkpoint of a training was expected"):
        run_training(str(config("other", steps=9)), str(tmp_path / "nothing.pt"), 0, quietly)
    other = config("other", features="[4, 4, 4]", update_features="[4, 4, 4]")
    with pytest.raises(InputError, match="of another network or optimiser"):
        run_training(str(other), "", 0, quietly)
    assert (tmp_path / "run" / "settings.toml").read_text(encoding="utf-8") == kept


def test_sigterm_ends_a_run_with_a_checkpoint_that_goes_on(config, tmp_path):
    path = config(steps=100000)
    log = tmp_path / "run" / "log.csv"
    process = start("-m", "sitreg_engine.training", str(path))
    wait_for(lambda: log.is_file() and len(log.read_text(encoding="utf-8").splitlines()) > 3, process)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 128 + signal.SIGTERM
    told = process.stderr.read().decode()
    step = int(re.search(r"Stopped at step (\d+) of 100000", told).group(1))
    assert read_checkpoint(tmp_path / "run" / "last.pt")["reached"]["step"] == step >= 3


def test_a_run_that_is_killed_leaves_a_whole_checkpoint(config, tmp_path):
    last = tmp_path / "run" / "last.pt"
    process = start("-m", "sitreg_engine.training", str(config(steps=100000)))
    wait_for(last.is_file, process)
    process.kill()
    process.wait(timeout=60)
    assert read_checkpoint(last)["reached"]["step"] >= 2


def test_a_folder_with_a_run_is_not_overwritten(config, tmp_path):
    path = config(steps=1)
    run_training(str(path), None, 0, quietly)
    with pytest.raises(InputError, match="holds a run already: go on with --resume"):
        run_training(str(path), None, 0, quietly)


def test_a_checkpoint_of_another_network_is_refused(config, tmp_path):
    run_training(str(config(steps=1)), None, 0, quietly)
    other = config("other", run="other", features="[4, 4, 4]", update_features="[4, 4, 4]")
    with pytest.raises(InputError, match="of another network or optimiser"):
        run_training(str(other), str(tmp_path / "run" / "last.pt"), 0, quietly)


def test_the_best_weights_are_kept_with_a_picture_of_what_they_do(config, tmp_path):
    run_training(str(config(steps=4, every=2)), None, 0, quietly)
    scores = {int(line["step"]): float(line["dice"]) for line in lines(tmp_path / "run" / "validation.csv")}
    assert set(scores) == {2, 4}
    best = read_checkpoint(tmp_path / "run" / "best.pt")["reached"]
    assert best["best"] == pytest.approx(max(scores.values()), abs=1e-5)
    picture = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "run" / "pictures" / "step_0000004.png")))
    assert picture.std() > 10


def test_a_run_ends_when_it_does_not_get_better(config, tmp_path):
    path = (
        config(steps=50, every=1, rest="").read_text(encoding="utf-8").replace("pairs = 1", "pairs = 1\npatience = 2")
    )
    path = path.replace("learning_rate = 0.01", "learning_rate = 0.0")
    (tmp_path / "patient.toml").write_text(path)
    told: list[str] = []
    run_training(str(tmp_path / "patient.toml"), None, 0, told.append)
    assert "No better validation since step 1: ended." in told
    assert read_checkpoint(tmp_path / "run" / "last.pt")["reached"]["step"] == 3


@pytest.mark.parametrize("option", ['dtype = "bfloat16"', 'name = "adamw"\nweight_decay = 0.1'])
def test_options_of_the_optimiser_give_about_the_same_first_steps(config, tmp_path, option):
    run_training(str(config("usual", run="usual", steps=2)), None, 0, quietly)
    run_training(str(config("other", run="other", steps=2, optimiser=option)), None, 0, quietly)
    usual, other = (lines(tmp_path / name / "log.csv")[0] for name in ("usual", "other"))
    assert float(other["loss"]) == pytest.approx(float(usual["loss"]), abs=0.01)
    assert float(other["gradient"]) == pytest.approx(float(usual["gradient"]), rel=0.3)


def test_checkpointing_changes_no_bit_of_a_step(config, tmp_path):
    norms = "update_groups = 2"
    run_training(str(config("usual", run="usual", steps=2, network=norms)), None, 0, quietly)
    spare = config("spare", run="spare", steps=2, network=norms, optimiser="checkpointing = true")
    run_training(str(spare), None, 0, quietly)
    assert same(tmp_path / "usual" / "last.pt", tmp_path / "spare" / "last.pt")


def test_triplets_train_on_group_consistency(config, tmp_path):
    path = config(steps=2, top="group = 3", rest='[[losses]]\nname = "group_consistency"\nweight = 1.0\n')
    assert run_training(str(path), None, 0, quietly) == 0
    assert all(float(line["group_consistency"]) >= 0 for line in lines(tmp_path / "run" / "log.csv"))


def test_the_rate_grows_then_falls():
    settings = OptimiserSettings(learning_rate=1.0, warm_up=10)
    rates = [learning_rate(settings, step, 100) for step in range(100)]
    assert rates[0] == pytest.approx(0.1, rel=0.01)
    assert max(rates) == rates[9]
    assert rates[-1] == pytest.approx(0.01, abs=2e-3)
    halving = OptimiserSettings(learning_rate=1.0, warm_up=2, schedule="halving", interval=30)
    assert [learning_rate(halving, step, 100) for step in (0, 1, 29, 30, 59, 60, 99)] == [
        0.5,
        1,
        1,
        0.5,
        0.5,
        0.25,
        0.125,
    ]
    constant = OptimiserSettings(learning_rate=1.0, warm_up=0, schedule="constant")
    assert {learning_rate(constant, step, 100) for step in range(100)} == {1.0}


# ---- several processes


def test_two_processes_train_as_one_with_twice_the_batch(config, tmp_path):
    alone = config("alone", run="alone", steps=3, every=2, optimiser="accumulate = 2")
    run_training(str(alone), None, 0, quietly)
    both = config("both", run="both", steps=3, every=2, optimiser="accumulate = 2")
    process = start("-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m",
                    "sitreg_engine.training", str(both))  # fmt: skip
    assert process.wait(timeout=300) == 0, process.stderr.read().decode()
    one, two = (read_checkpoint(tmp_path / name / "last.pt") for name in ("alone", "both"))
    assert one["reached"]["step"] == two["reached"]["step"] == 3
    for name, tensor in one["network"].items():
        assert torch.allclose(tensor, two["network"][name], atol=2e-4), name
    logs = [lines(tmp_path / name / "log.csv") for name in ("alone", "both")]
    assert [float(line["loss"]) for line in logs[1]] == pytest.approx([float(x["loss"]) for x in logs[0]], abs=1e-4)


def test_groups_that_cannot_be_dealt_out_are_refused(config):
    process = start("-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m",
                    "sitreg_engine.training", str(config(optimiser="accumulate = 3")))  # fmt: skip
    assert process.wait(timeout=300) != 0
    assert "must be a multiple of the 2 processes" in process.stderr.read().decode()


def start(*arguments: str) -> subprocess.Popen:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen([sys.executable, *arguments], env=environment, stderr=subprocess.PIPE)


def wait_for(condition, process: subprocess.Popen) -> None:
    end = time.monotonic() + 120
    while not condition():
        assert process.poll() is None, process.stderr.read().decode()
        assert time.monotonic() < end
        time.sleep(0.1)
