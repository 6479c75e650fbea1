"""What must be known before the benchmark's first run."""

import time
from dataclasses import dataclass
from pathlib import Path

_QUIET = 0.2  # of all cores
_STATISTICS = Path("/proc/stat")


@dataclass(frozen=True)
class Facts:
    machine: str  # one line
    trained: tuple[str, ...]  # ids of the trained models that `sitreg models` lists


def facts() -> Facts:
    """Imports torch: to be called in a process of its own, as memory once taken is counted in every process started."""
    from speed_machine import this_machine

    from sitreg_engine.models import shelved

    return Facts(this_machine().line(), tuple(card.id for card in shelved()))


def is_quiet(seconds: float = 0.5) -> bool:
    """Whether the cores do next to nothing now; False where the system does not tell."""
    if not _STATISTICS.exists():
        return False
    (idle, total), _ = _ticks(), time.sleep(seconds)
    idle_after, total_after = _ticks()
    return total_after > total and 1 - (idle_after - idle) / (total_after - total) < _QUIET


def _ticks() -> tuple[int, int]:
    """Idle and all, of all cores since the start of the system."""
    numbers = [int(text) for text in _STATISTICS.read_text(encoding="utf-8").split("\n", 1)[0].split()[1:9]]
    return numbers[3] + numbers[4], sum(numbers)
