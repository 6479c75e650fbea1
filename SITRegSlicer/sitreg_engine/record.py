"""`result.json`: what was done, to what, with what, how long it took and how good it is."""

import dataclasses
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path

from . import __version__
from .contract import Job, Measure, finite
from .inputs import checksum, files_of


@dataclass(frozen=True)
class InputRecord:
    """One file or folder that was read."""

    role: str  # a field of Job, e.g. "fixed_labels"
    path: str
    sha256: str


@dataclass(frozen=True)
class Record:
    """The content of result.json; non-finite numbers are written as null."""

    settings: Job
    inputs: list[InputRecord]
    model: str
    weights: str  # the checkpoint file, empty when the model ran without one
    weights_sha256: str
    device: str
    seconds: dict[str, float]  # per stage
    peak_memory_mib: float  # of the process so far
    measures: list[Measure]
    warnings: list[str] = field(default_factory=list)
    precision: str = "float32"  # of the model's prediction
    working_spacing: float = float("nan")  # mm
    version: str = __version__


def describe_inputs(job: Job) -> list[InputRecord]:
    """Every file or folder that the job reads, with its checksum. Raises InputError when one cannot be read."""
    return [InputRecord(role, path, checksum(path)) for role, path in files_of(job) if role != "weights"]


def peak_memory() -> float:
    """The largest resident size of this process so far, MiB; NaN where the system does not tell (Windows)."""
    try:
        import resource
    except ImportError:
        return float("nan")
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, KiB elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


def write_record(record: Record, outputs: dict[str, str], path: Path) -> None:
    """`record` and the names of the output files beside it, as JSON."""
    content = finite({**dataclasses.asdict(record), "outputs": outputs})
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
