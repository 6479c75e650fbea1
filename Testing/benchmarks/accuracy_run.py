"""One method on one pair: a process of its own, timed, its files scored."""

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from accuracy_methods import AFFINE, OURS, Method
from accuracy_pairs import Pair
from accuracy_rows import Cost, Row
from accuracy_scorer import Question, score
from speed_process import in_fresh_processes

THREADS = 2
_NOT_REGISTERING = ("align", "measure")  # stages of `sitreg register`; the alignment is given


@dataclass(frozen=True)
class Finished:
    """A process that ended."""

    reason: str  # why it failed, one line; empty when it did not
    whole: float  # wall seconds
    cpu: float
    peak_mib: float


def measured(pair: Pair, method: Method, output: Path, machine: str, quiet: bool, minutes: float) -> Row:
    """Run a method on a pair and score the files it leaves (which are removed, the common start's are not)."""
    start = output / pair.folder / AFFINE.name
    out = output / pair.folder / method.name
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    done = run(method.command(pair, start, out), minutes)
    cost = found = None
    packages: dict[str, str] = {}
    reason = done.reason
    if not reason:
        seconds, packages = told_by(method, out)
        cost = Cost(seconds, done.whole, done.cpu, done.peak_mib)
        affine = start / "affine.tfm" if method.prepared else None
        question = Question(pair.fixed.labels, pair.moving.labels, out, affine)
        try:
            found = in_fresh_processes(score, question)[0]  # its memory is not handed on to the next method's process
        except (FileNotFoundError, RuntimeError, ValueError) as error:
            reason = f"its files cannot be scored: {_one_line(str(error))}"
    if method != AFFINE:
        shutil.rmtree(out, ignore_errors=True)
    return Row(pair.group, pair.name, method.name, method.settings, reason, cost, found, packages, machine, quiet)


def run(command: Sequence[str], minutes: float) -> Finished:
    """A command on THREADS threads, ended after so many minutes; its last line tells why when it fails."""
    begun = time.perf_counter()
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as said:
        try:
            process = subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT, env=environment())
        except OSError as error:
            return Finished(f"cannot be started: {error.strerror} ({command[0]})", 0.0, 0.0, 0.0)
        status, usage = _waited(process, begun + 60 * minutes)
        whole = time.perf_counter() - begun
        said.seek(0)
        lines = said.read().strip().splitlines()
    reason = "" if status == 0 else _why(status, lines, whole >= 60 * minutes)
    return Finished(reason, whole, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def _waited(process: subprocess.Popen, deadline: float):
    """Exit code (negative: a signal) and resource usage."""
    while True:
        found, status, usage = os.wait4(process.pid, os.WNOHANG)
        if found:
            process.returncode = os.waitstatus_to_exitcode(status)
            return process.returncode, usage
        if time.perf_counter() > deadline:
            process.kill()
        time.sleep(0.02)


def _why(status: int, lines: Sequence[str], late: bool) -> str:
    if late:
        return "took too long"
    last = _one_line(lines[-1]) if lines else "no message"
    return f"killed by signal {-status}: {last}" if status < 0 else f"exit code {status}: {last}"


def _one_line(text: str) -> str:
    return " ".join(text.split()).replace("|", "/")[:200]


def environment() -> dict[str, str]:
    """For every process alike."""
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS")
    return {**os.environ, **dict.fromkeys(names, str(THREADS)), "OMP_WAIT_POLICY": "PASSIVE"}


def on_two_cores() -> None:
    """Keep this process, and those that it starts, on THREADS cores, whatever number of threads they think of."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:THREADS])


def told_by(method: Method, folder: Path) -> tuple[float, dict[str, str]]:
    """Seconds of the registration itself and versions of what did it, from the files in a method's folder."""
    name = "result.json" if method.kind == OURS else "report.json"
    told = json.loads((folder / name).read_text(encoding="utf-8"))
    if method.kind != OURS:
        return told["seconds"], told["packages"]
    seconds = sum(value for stage, value in told["seconds"].items() if stage not in _NOT_REGISTERING)
    return seconds, {"sitreg": told["version"]}
