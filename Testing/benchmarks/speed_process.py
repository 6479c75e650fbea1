"""What a piece of work costs, each time in a process of its own: peak memory is a process's, and caches start cold."""

import gc
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar, TypeVarTuple

Given = TypeVarTuple("Given")
Found = TypeVar("Found")
_STATUS = Path("/proc/self/status")


@dataclass(frozen=True)
class Cost:
    cpu_seconds: float  # of the process, all cores together
    wall_seconds: float
    peak_mib: float  # largest resident size of the process so far; on a GPU the largest memory that torch held
    grown_mib: float  # what of the peak was not there before the work


def in_fresh_processes(work: Callable[[*Given], Found], *given: *Given, repeats: int = 1) -> list[Found]:
    """work(*given), each time in a new process. `work` is a function of a module; a process that dies raises."""
    with ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as pool:
        return [pool.submit(work, *given).result() for _ in range(repeats)]


def cost_of(work: Callable[[], Found], device: str) -> tuple[Found, Cost]:
    """What `work` gives and takes on "cpu" or "cuda"."""
    gc.collect()
    finish = _settled(device)
    before = _held(device)
    wall, cpu = time.perf_counter(), time.process_time()
    found = work()
    finish()
    cost = time.process_time() - cpu, time.perf_counter() - wall
    peak = _peak(device)
    return found, Cost(*cost, peak, peak - before)


def _settled(device: str) -> Callable[[], None]:
    """Waits for a GPU's work, and starts its memory count anew; what to call at the end of the work."""
    if device == "cpu":
        return lambda: None
    import torch

    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    return torch.cuda.synchronize


def _held(device: str) -> float:
    """MiB now."""
    if device == "cpu":
        return _status("VmRSS")
    import torch

    return torch.cuda.memory_allocated() / 2**20


def _peak(device: str) -> float:
    """MiB at most so far."""
    if device == "cpu":
        return _status("VmHWM")
    import torch

    return torch.cuda.max_memory_allocated() / 2**20


def peak_of(process: int) -> float:
    """The largest resident size of another process so far, MiB; NaN where the system does not tell."""
    return _status("VmHWM", Path(f"/proc/{process}/status"))


def cpu_seconds_of(process: int) -> float:
    """What another process has used so far, all cores together; NaN where the system does not tell."""
    file = Path(f"/proc/{process}/stat")
    if not file.exists():
        return float("nan")
    numbers = file.read_text(encoding="utf-8").rpartition(")")[2].split()  # the name before it may hold anything
    return sum(int(ticks) for ticks in numbers[11:13]) / os.sysconf("SC_CLK_TCK")


def _status(name: str, file: Path = _STATUS) -> float:
    """MiB; NaN where there is no /proc.

    Not getrusage: its peak is handed down by the process that started this one.
    """
    if not file.exists():
        return float("nan")
    line = next(line for line in file.read_text(encoding="utf-8").splitlines() if line.startswith(name + ":"))
    return int(line.split()[1]) / 1024


def tell(text: str) -> None:
    """A line about the progress, at once."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
