"""Section "large": a CT of 512 x 512 x 300 voxels against another, from files to files."""

import json
from dataclasses import replace
from pathlib import Path

from speed_network import write_weights
from speed_pairs import ct_pair
from speed_process import tell
from speed_table import Figure
from speed_worker import Worker

from sitreg_engine.contract import Job

SHAPE = (512, 512, 300)
TITLE = "whole registration, CT 512x512x300, refine auto, fresh worker"


def measure(device: str, folder: Path, shape: tuple[int, int, int] = SHAPE) -> list[Figure]:
    """Once, on "cpu" or "cuda"; weights are random ones, `folder` keeps the inputs."""
    files, weights = ct_pair(folder, shape), write_weights(folder / "weights.pt")
    paths = {name: str(path.absolute()) for name, path in vars(files).items()}
    job = Job("1", output=str(folder.absolute() / "result"), weights=str(weights.absolute()), device=device, **paths)
    tell(f"CT {'x'.join(map(str, shape))}, {device}")
    with Worker(folder / "worker.log") as worker:
        timed = worker.register(replace(job, format="nrrd"))
    record = json.loads(Path(timed.result.outputs["record"]).read_text(encoding="utf-8"))
    return [
        Figure("wall seconds", (timed.wall_seconds,), 0),
        Figure("CPU seconds", (timed.cpu_seconds,), 0),
        Figure("working spacing, mm", (record["working_spacing"],), 2),
        Figure("peak MiB", (timed.peak_mib,), 0, "≤ 16384"),
    ]
