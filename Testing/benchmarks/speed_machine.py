"""What the numbers were measured on."""

import os
import platform
import subprocess
from dataclasses import dataclass
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Machine:
    processor: str
    cores: int  # that this process may use
    memory_gib: float
    gpu: str  # empty where there is none
    torch: str  # version
    commit: str  # "+" at its end: with changes that are in no commit

    def line(self) -> str:
        """One line for people."""
        gpu = f"; GPU: {self.gpu}" if self.gpu else ""
        return (
            f"{self.processor}, {self.cores} cores, {self.memory_gib:.0f} GiB{gpu}; "
            f"torch {self.torch}, commit {self.commit}"
        )

    def devices(self) -> tuple[str, ...]:
        """Which columns of the tables can be measured here."""
        return ("cpu", "cuda") if self.gpu else ("cpu",)


def this_machine() -> Machine:
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else ""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return Machine(_processor(), cores, memory, gpu, torch.__version__, _commit())


def _processor() -> str:
    """The CPU's own name, with its model number: cloud machines call all of theirs alike."""
    file = Path("/proc/cpuinfo")
    if not file.exists():
        return platform.processor() or platform.machine()
    lines = (line.partition(":") for line in file.read_text(encoding="utf-8").splitlines())
    facts = {name.strip(): value.strip() for name, _, value in lines}
    name = facts.get("model name", platform.machine())
    return f"{name} (family {facts['cpu family']}, model {facts['model']})" if "cpu family" in facts else name


def _commit() -> str:
    return _git("rev-parse", "--short", "HEAD") + ("+" if _git("status", "--porcelain", "-uno") else "")


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else "unknown"
