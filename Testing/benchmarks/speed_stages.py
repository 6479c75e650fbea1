"""Section "stages": a whole registration of a head at 1 mm, by a worker that has worked before."""

from dataclasses import replace
from pathlib import Path

from speed_network import write_weights
from speed_pairs import head_pair
from speed_process import tell
from speed_table import Figure
from speed_worker import Timed, Worker

from sitreg_engine.contract import STAGES, Job
from sitreg_engine.models import shelved

TITLE = "whole registration, head 160x192x224 at 1 mm, warm worker: wall seconds"
_AROUND = ("read", "prepare", "compose", "measure", "write")
_DEFAULT = "brain-t1"  # the trained model that comes along; the other rows are of random weights at the full size
_FEW = 10  # steps on each level: none of them stops early


def measure(device: str, repeats: int, folder: Path, spacing: float = 1.0) -> list[Figure]:
    """On "cpu" or "cuda"; weights are random ones, `folder` keeps the inputs. `spacing` mm of the scans' voxels."""
    files, weights = head_pair(folder, spacing), write_weights(folder / "weights.pt")
    paths = {name: str(path.absolute()) for name, path in vars(files).items()}
    job = Job("1", output=str(folder.absolute() / "result"), weights=str(weights.absolute()), device=device, **paths)
    with Worker(folder / "worker.log") as worker:
        tell(f"whole registration, {device}")
        worker.register(replace(job, refine="0"))
        timed = [worker.register(replace(job, refine="0")) for _ in range(repeats)]
        tell(f"whole registration with refinement, {device}")
        # From the alignment, as with the default model: from random weights it would first undo what they did.
        refined = [worker.register(replace(job, refine=steps, weights="")) for steps in ("0", str(_FEW), "auto")]
        trained = _by_default(worker, replace(job, refine="0", model=_DEFAULT, weights=""), repeats)
    return [*_without_refinement(timed), *_refinement(*refined), *trained]


def _without_refinement(timed: list[Timed]) -> list[Figure]:
    seconds = [one.result.seconds for one in timed]
    stages = [Figure(stage, tuple(s.get(stage, 0.0) for s in seconds), 2, _goal(stage)) for stage in STAGES]
    return [
        *stages,
        _around(timed, ""),
        Figure("from the command to the answer", tuple(one.wall_seconds for one in timed), 1, "≤ 20"),
        Figure("the same in CPU seconds", tuple(one.cpu_seconds for one in timed), 1),
        Figure("peak MiB of the worker", tuple(one.peak_mib for one in timed), 0),
    ]


def _around(timed: list[Timed], whose: str) -> Figure:
    """What is done around the registration itself."""
    seconds = tuple(sum(one.result.seconds.get(stage, 0.0) for stage in _AROUND) for one in timed)
    return Figure(f"{whose}all without align, model, refine", seconds, 2, "≤ 6")


def _goal(stage: str) -> str:
    return "≤ 4" if stage == "align" else ""


def _refinement(none: Timed, few: Timed, full: Timed) -> list[Figure]:
    """Of jobs with no steps, _FEW steps on each level, and as many as users get by default."""
    without, some, all_of_them = (timed.result.seconds["refine"] for timed in (none, few, full))
    return [
        Figure("refine, one step on each level", ((some - without) / _FEW,), 3),
        Figure("refine auto", (all_of_them,), 1),
        Figure("from the command to the answer, refine auto", (full.wall_seconds,), 1),
    ]


def _by_default(worker: Worker, job: Job, repeats: int) -> list[Figure]:
    """With the trained model, where it comes along."""
    if job.model not in {card.id for card in shelved()}:
        return []
    tell(f"whole registration with {job.model}, {job.device}")
    worker.register(job)
    timed = [worker.register(job) for _ in range(repeats)]
    model = tuple(one.result.seconds["model"] for one in timed)
    wall = tuple(one.wall_seconds for one in timed)
    name = f"{job.model}, no refinement"
    return [
        Figure(f"{name}: model", model, 2),
        _around(timed, f"{name}: "),
        Figure(f"{name}: from the command to the answer", wall, 1, "≤ 20"),
    ]
