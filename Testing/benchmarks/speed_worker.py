"""The background worker from outside, as Slicer uses it: a process, a line of JSON in, lines of JSON out."""

import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from speed_process import cpu_seconds_of, peak_of

from sitreg_engine.contract import Failure, Job, Message, Ready, Register, Result, decode, encode


@dataclass(frozen=True)
class Timed:
    """One finished job."""

    result: Result
    wall_seconds: float  # from the command to the answer
    cpu_seconds: float  # of the worker meanwhile, all cores together
    peak_mib: float  # of the worker so far


class Worker:
    """A worker process for as long as the `with` block lasts."""

    def __init__(self, log: Path):
        self._log = log
        self.ready_seconds = 0.0  # from the start of the process to its first word

    def __enter__(self) -> "Worker":
        begun = time.perf_counter()
        with self._log.open("w") as log:
            command = [sys.executable, "-m", "sitreg_engine.worker"]
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": log}
            self._process = subprocess.Popen(command, encoding="utf-8", **pipes)
        self._answer_of(Ready)
        self.ready_seconds = time.perf_counter() - begun
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._process.stdin.close()  # the worker leaves
        self._process.wait(60)
        self._process.stdout.close()

    def register(self, job: Job) -> Timed:
        """Raises RuntimeError with the worker's words when the job fails."""
        begun, used = time.perf_counter(), cpu_seconds_of(self._process.pid)
        self._process.stdin.write(encode(Register(job)))
        self._process.stdin.flush()
        result = self._answer_of(Result)
        wall, used = time.perf_counter() - begun, cpu_seconds_of(self._process.pid) - used
        return Timed(result, wall, used, peak_of(self._process.pid))

    def _answer_of(self, kind: type) -> Message:
        for line in self._process.stdout:
            message = decode(line)
            if isinstance(message, kind):
                return message
            if isinstance(message, Failure):
                raise RuntimeError(f"{message.message}\n{message.detail}")
        raise RuntimeError(f"The worker ended without an answer; {self._log} tells why.")
