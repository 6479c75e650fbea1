"""The background process, driven through its real pipes."""

import dataclasses
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from sitreg_engine import contract
from sitreg_engine.contract import Cancel, Failure, Job, Progress, Ready, Register, Result, Shutdown

LEAVING = 2.0  # s, the worker's promise


class Client:
    """A worker process and what it says, line by line."""

    def __init__(self):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "sitreg_engine.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._said: queue.Queue[bytes] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        for line in self.process.stdout:
            self._said.put(line)
        self._said.put(b"")

    def write(self, text: str) -> None:
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

    def send(self, message: contract.Message) -> None:
        self.write(contract.encode(message))

    def hear(self, timeout: float = 60.0) -> contract.Message:
        """The next message; every line must be one."""
        return contract.decode(self._said.get(timeout=timeout).decode("utf-8"))

    def hear_end(self, job_id: str) -> tuple[contract.Message, list[Progress]]:
        """The message that ends a job, and the progress on the way there."""
        steps = []
        while True:
            message = self.hear()
            if isinstance(message, Progress):
                steps.append(message)
            elif message.id == job_id:
                return message, steps

    def wait_for_work(self, job_id: str, stage: str = "refine") -> None:
        while not (isinstance(message := self.hear(), Progress) and message.id == job_id and message.stage == stage):
            assert not isinstance(message, (Result, Failure)), message

    def stop(self, job_id: str) -> Failure:
        """Cancel a job and hear its end."""
        self.send(Cancel(job_id))
        failure, _ = self.hear_end(job_id)
        assert isinstance(failure, Failure) and failure.cancelled
        return failure

    def close(self) -> float:
        """Close stdin; seconds until the process was gone."""
        begun = time.monotonic()
        self.process.stdin.close()
        self.process.wait(timeout=30)
        return time.monotonic() - begun


def ended(client: Client) -> None:
    client.process.kill()
    client.process.wait()
    client.process.stdout.close()


@pytest.fixture
def starting():
    """A worker of its own, that may still be loading."""
    client = Client()
    yield client
    ended(client)


@pytest.fixture
def fresh(starting) -> Client:
    """A worker of its own."""
    assert isinstance(starting.hear(), Ready)
    return starting


@pytest.fixture(scope="module")
def client():
    """One worker for all tests that leave it idle, as in real life."""
    client = Client()
    assert isinstance(client.hear(), Ready)
    yield client
    ended(client)


@pytest.fixture
def job(pair, tmp_path) -> Job:
    """Quick: no alignment, two steps."""
    return Job("a", pair.fixed, pair.moving, str(tmp_path / "öut"), affine="none", refine="2", device="cpu")


def long(job: Job) -> Job:
    """The same pair, longer than anybody would wait."""
    return dataclasses.replace(job, refine="100000", spacing=0.4)


@pytest.mark.parametrize(("error", "advice"), [("ImportError", "Install torch"), ("OSError", "reinstall torch")])
def test_a_torch_that_does_not_load_is_explained(tmp_path, monkeypatch, error, advice):
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text(f"raise {error}('c10.dll')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    client = Client()
    failure = client.hear()
    assert isinstance(failure, Failure) and "c10.dll" in failure.message and advice in failure.message
    ended(client)


# ---- jobs


def test_the_worker_says_first_what_it_can_do(starting):
    ready = starting.hear()
    assert isinstance(ready, Ready)
    assert ready.protocol == contract.PROTOCOL
    assert ready.devices[0] == "cpu"
    assert "sitreg" in ready.models


def test_a_job_ends_with_a_result_whose_files_are_there(client, job):
    client.send(Register(job))
    result, steps = client.hear_end("a")
    assert isinstance(result, Result), result
    assert {"forward", "inverse", "warped_moving", "warped_fixed", "jacobian"} <= set(result.outputs)
    assert all(Path(path).is_file() and Path(path).is_absolute() for path in result.outputs.values())
    assert [step.fraction for step in steps] == sorted(step.fraction for step in steps)
    stages = list(dict.fromkeys(step.stage for step in steps))
    assert stages == [stage for stage in contract.STAGES if stage in stages]
    assert {"read", "write"} <= set(stages)


def test_the_second_job_begins_at_once(client, job):
    client.send(Register(job))
    client.hear_end("a")
    begun = time.monotonic()
    client.send(Register(dataclasses.replace(job, id="b")))
    assert client.hear().id == "b"
    assert time.monotonic() - begun < 1.0
    assert isinstance(client.hear_end("b")[0], Result)


def test_jobs_wait_for_each_other(client, job, tmp_path):
    names = ("a", "b", "c")
    for name in names:
        client.send(Register(dataclasses.replace(job, id=name, output=str(tmp_path / name))))
    assert [type(client.hear_end(name)[0]) for name in names] == [Result] * 3


def test_progress_is_told_about_ten_times_a_second_at_most(client, job):
    client.send(Register(long(job)))
    client.wait_for_work("a")
    begun, told = time.monotonic(), 0
    while time.monotonic() - begun < 2.0:
        told += isinstance(client.hear(), Progress)
    client.stop("a")
    assert told <= 25


# ---- failures


def test_a_failed_job_is_explained_and_the_next_one_runs(client, job):
    client.send(Register(dataclasses.replace(job, id="bad", fixed="/none.nrrd")))
    failure, _ = client.hear_end("bad")
    assert isinstance(failure, Failure) and not failure.cancelled
    assert "/none.nrrd" in failure.message and "\n" not in failure.message
    assert "Traceback" in failure.detail
    assert not Path(job.output).exists()
    client.send(Register(job))
    assert isinstance(client.hear_end("a")[0], Result)


def test_lines_that_are_no_commands_are_told_and_passed_over(client, job):
    lines = ["nonsense", "{}", '{"kind": "cancel"}', '{"kind": "shutdown", "now": 1}', '{"kind": "x"}', "\x00\xff"]
    for line in lines:
        client.write(line + "\n")
        failure = client.hear()
        assert isinstance(failure, Failure) and failure.id == ""
    client.send(Register(job))
    assert isinstance(client.hear_end("a")[0], Result)


def test_an_event_is_no_command(client):
    client.send(Progress("1", "read", 0.0, ""))
    assert "got 'progress'" in client.hear().message


def test_an_id_that_is_in_use_is_refused_and_its_job_goes_on(client, job):
    client.send(Register(long(job)))
    client.wait_for_work("a")
    client.send(Register(job))
    while isinstance(failure := client.hear(), Progress):
        pass
    assert failure.id == "" and "already" in failure.message
    assert isinstance(client.hear(), Progress)
    client.stop("a")


# ---- cancelling


def test_a_running_job_stops_at_the_next_step_and_the_next_one_runs(client, job):
    client.send(Register(long(job)))
    client.wait_for_work("a")
    begun = time.monotonic()
    client.stop("a")
    assert time.monotonic() - begun < 3.0
    assert not Path(job.output).exists()
    client.send(Register(job))
    assert isinstance(client.hear_end("a")[0], Result)


def test_a_waiting_job_is_cancelled_at_once_and_its_id_is_free_again(client, job):
    client.send(Register(long(job)))
    client.wait_for_work("a")
    client.send(Register(dataclasses.replace(job, id="b")))
    client.stop("b")
    client.send(Register(dataclasses.replace(job, id="b")))
    client.stop("a")
    assert isinstance(client.hear_end("b")[0], Result)


def test_cancelling_what_is_not_there_changes_nothing(client, job):
    client.send(Cancel("nobody"))
    client.send(Register(job))
    assert isinstance(client.hear_end("a")[0], Result)


# ---- leaving


def test_an_idle_worker_leaves_when_its_stdin_closes(fresh):
    assert fresh.close() < LEAVING
    assert fresh.process.returncode == 0


def test_a_worker_that_is_still_loading_leaves_when_its_stdin_closes(starting):
    assert starting.close() < LEAVING


@pytest.mark.parametrize("stage", ["read", "refine"])
def test_a_working_worker_leaves_when_its_stdin_closes_and_leaves_nothing_behind(fresh, job, stage):
    fresh.send(Register(long(job)))
    fresh.wait_for_work("a", stage)
    assert fresh.close() < LEAVING
    assert not Path(job.output).exists()


def test_shutdown_is_obeyed_although_stdin_stays_open(fresh, job):
    fresh.send(Register(long(job)))
    fresh.wait_for_work("a")
    fresh.send(Shutdown())
    assert fresh.process.wait(timeout=LEAVING) == 0


@pytest.mark.skipif(os.name == "nt", reason="signals as on POSIX systems")
@pytest.mark.parametrize("stage", ["read", "refine"])
def test_told_to_terminate_it_leaves_at_once_and_leaves_nothing_behind(fresh, job, stage):
    fresh.send(Register(long(job)))
    fresh.wait_for_work("a", stage)
    fresh.process.terminate()
    assert fresh.process.wait(timeout=LEAVING) == 128 + signal.SIGTERM
    assert not Path(job.output).exists()


@pytest.mark.skipif(os.name == "nt", reason="signals as on POSIX systems")
def test_ctrl_c_in_the_terminal_of_the_starter_does_not_reach_the_worker(fresh, job):
    fresh.process.send_signal(signal.SIGINT)
    fresh.send(Register(job))
    assert isinstance(fresh.hear_end("a")[0], Result)
