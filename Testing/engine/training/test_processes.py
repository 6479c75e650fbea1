"""What two real processes, started by torchrun, do together; each writes down what it got."""

import os
import subprocess
import sys

import pytest
import torch

from sitreg_engine.errors import InputError
from sitreg_engine.training.processes import Processes, join_processes

SCRIPT = """
import sys, torch
from sitreg_engine.errors import EngineError
from sitreg_engine.training.processes import join_processes, leave_processes

us = join_processes(torch.device("cpu"))
network = torch.nn.Linear(2, 2)
torch.nn.init.constant_(network.weight, 1.0 + us.rank)
try:
    us.check_same([network.weight])
    drifted = ""
except EngineError as error:
    drifted = str(error)
us.copy_weights(network.parameters())
us.check_same(network.parameters())
network.weight.grad = torch.full((2, 2), 10.0 + us.rank)
us.add_gradients(network)
order = us.one_by_one(lambda: us.rank)
def fail():
    raise EngineError(f"process {us.rank} has failed")
try:
    us.one_by_one(fail)
except EngineError as error:
    failed = f"{type(error).__name__}: {error}"
found = dict(
    rank=us.rank, count=us.count, drifted=drifted, weight=network.weight.detach(), gradient=network.weight.grad,
    bias=network.bias.grad, mean=us.mean([float(us.rank), 3.0]), any=us.any(us.rank == 1), none=us.any(False),
    share=list(us.share(6)), order=order, failed=failed,
)
torch.save(found, f"{sys.argv[1]}/{us.rank}.pt")
leave_processes()
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory) -> list[dict]:
    """What each of two processes has found."""
    folder = tmp_path_factory.mktemp("processes")
    (folder / "script.py").write_text(SCRIPT, encoding="utf-8")
    command = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    done = subprocess.run(
        [sys.executable, *command, str(folder / "script.py"), str(folder)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr.decode()
    return [torch.load(folder / f"{rank}.pt") for rank in (0, 1)]


def test_each_knows_who_it_is(told):
    assert [(found["rank"], found["count"]) for found in told] == [(0, 2), (1, 2)]


def test_all_get_the_weights_of_the_first(told):
    assert all(bool((found["weight"] == 1).all()) for found in told)


def test_weights_that_have_drifted_apart_are_noticed(told):
    assert all("drifted apart by 1" in found["drifted"] for found in told)


def test_all_get_the_sum_of_the_gradients(told):
    assert all(bool((found["gradient"] == 21).all()) for found in told)
    assert all(not found["bias"].any() for found in told)


def test_numbers_are_averaged_and_flags_joined(told):
    assert all((found["mean"], found["any"], found["none"]) == ([0.5, 3.0], True, False) for found in told)


def test_the_groups_of_a_step_are_dealt_out(told):
    assert [found["share"] for found in told] == [[0, 2, 4], [1, 3, 5]]


def test_each_does_its_own_work(told):
    assert [found["order"] for found in told] == [0, 1]


def test_one_process_has_nobody_to_wait_for(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    us = join_processes(torch.device("cpu"))
    network = torch.nn.Linear(2, 2)
    us.check_same(network.parameters())
    us.add_gradients(network)
    assert (us.first, us.mean([0.25]), us.any(True), us.one_by_one(lambda: 5)) == (True, [0.25], True, 5)


def test_groups_that_cannot_be_dealt_out_evenly_are_refused():
    with pytest.raises(InputError, match=r"accumulate = 3\) must be a multiple of the 2 processes"):
        Processes(0, 2).share(3)


def test_where_the_first_process_fails_the_others_end_too(told):
    assert told[0]["failed"] == "EngineError: process 0 has failed"
    assert told[1]["failed"] == "Cancelled: The first process does not go on: see what it says."
