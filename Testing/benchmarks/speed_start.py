"""Section "start": what a click waits for before the work begins."""

import subprocess
import sys
from pathlib import Path

from speed_pairs import head_pair
from speed_process import tell
from speed_table import Figure
from speed_worker import Timed, Worker

from sitreg_engine.contract import Job

TITLE = "start"
_IMPORT = """
import sys, time
begun = time.perf_counter()
import sitreg_engine.contract
passed = time.perf_counter() - begun
print(1000 * passed, *({"torch", "numpy", "SimpleITK"} & set(sys.modules)))
"""


def measure(device: str, repeats: int, folder: Path) -> list[Figure]:
    """On "cpu" or "cuda"; `folder` keeps the inputs."""
    tell(f"start, {device}")
    files = head_pair(folder, spacing=4.0)
    paths = {name: str(path.absolute()) for name, path in vars(files).items()}
    job = Job("1", output=str(folder.absolute() / "result"), refine="0", device=device, **paths)
    ready, first, second = zip(*(_two_jobs(job, folder / "worker.log") for _ in range(repeats)), strict=True)
    imports = tuple(contract_import() for _ in range(repeats))
    return [
        Figure("import sitreg_engine.contract, ms", imports, 0, "≤ 50"),
        Figure("worker ready, s", ready, 2, "≤ 4"),
        Figure("first small job, s", tuple(one.wall_seconds for one in first), 2),
        Figure("second small job, s", tuple(one.wall_seconds for one in second), 2),
        Figure("second small job, outside its stages, s", tuple(map(_overhead, second)), 3),
    ]


def contract_import() -> float:
    """Milliseconds in a new interpreter. Raises RuntimeError when something heavy comes with it."""
    done = subprocess.run([sys.executable, "-c", _IMPORT], capture_output=True, text=True, check=True)
    passed, *heavy = done.stdout.split()
    if heavy:
        raise RuntimeError(f"Importing the contract should load the standard library alone, but it loads {heavy}.")
    return float(passed)


def _two_jobs(job: Job, log: Path) -> tuple[float, Timed, Timed]:
    with Worker(log) as worker:
        return worker.ready_seconds, worker.register(job), worker.register(job)


def _overhead(timed: Timed) -> float:
    return timed.wall_seconds - sum(timed.result.seconds.values())
