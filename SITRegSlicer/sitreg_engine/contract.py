"""What the scene side and the background worker say to each other: JSON, one message a line.

This is the ONLY module of the engine that the scene side imports; it uses the standard library alone,
so that importing it never loads torch.

Commands go to the worker's stdin (`Register`, `Cancel`, `Shutdown`), events come from its stdout
(`Ready`, `Progress`, `Result`, `Failure`). Every event about a job carries the job's id.
"""

import dataclasses
import json
import typing
from dataclasses import dataclass, field

PROTOCOL = 1
FORMATS = ("h5", "nrrd", "nii.gz")
LEAST_VOXELS = 4  # of an image along each axis; a single slice is no volume even when its file says 3-D
AFFINE_CHOICES = ("auto", "rigid", "none")  # or the path of an ITK transform file
STAGES = ("read", "align", "prepare", "model", "refine", "compose", "measure", "write")


@dataclass(frozen=True)
class Job:
    """One registration. Paths are absolute; LPS millimetres throughout; empty string = not given."""

    id: str
    fixed: str
    moving: str
    output: str  # folder, made when missing
    model: str = "sitreg"
    weights: str = ""  # checkpoint file; empty = the model's own default
    groups: int = 0  # GroupNorm groups of a checkpoint that does not say; 0 = not given
    device: str = "auto"  # auto | cpu | cuda | cuda:N
    affine: str = "auto"  # one of AFFINE_CHOICES, or a transform file that maps fixed to moving points
    refine: str = "auto"  # auto, the number of optimisation steps per resolution ("0" = off), or seconds: "60s"
    fixed_mask: str = ""
    moving_mask: str = ""
    fixed_labels: str = ""
    moving_labels: str = ""
    fixed_points: str = ""
    moving_points: str = ""
    spacing: float = 0.0  # working spacing in mm; 0 = chosen by the engine
    format: str = "h5"  # of the two transforms, one of FORMATS


@dataclass(frozen=True)
class Measure:
    """One number about a result, with what is needed to show it to a person."""

    name: str  # e.g. "dice_mean"
    description: str
    value: float
    unit: str  # "mm", "%", "ml", "voxels", "degrees", "nats" or "" for pure numbers


# ---- commands: scene side -> worker


@dataclass(frozen=True)
class Register:
    job: Job


@dataclass(frozen=True)
class Cancel:
    id: str


@dataclass(frozen=True)
class Shutdown:
    pass


# ---- events: worker -> scene side


@dataclass(frozen=True)
class Ready:
    """The worker has loaded torch and listens."""

    version: str
    protocol: int
    devices: list[str]
    models: list[str]


@dataclass(frozen=True)
class Progress:
    id: str
    stage: str  # one of STAGES
    fraction: float  # of the whole job, 0..1, never falling
    text: str  # one line for people


@dataclass(frozen=True)
class Result:
    """A finished job; every file named here is complete."""

    id: str
    folder: str
    outputs: dict[str, str]  # "forward", "inverse", "warped_moving", ... -> absolute path
    measures: list[Measure]
    seconds: dict[str, float]  # stage -> seconds
    device: str
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Failure:
    id: str  # empty when no job is to blame
    message: str  # one clear line: what was wanted, what was given, what to do
    detail: str  # technical detail (traceback), for the log
    cancelled: bool = False


Message = Register | Cancel | Shutdown | Ready | Progress | Result | Failure
_KINDS = {kind.__name__.lower(): kind for kind in typing.get_args(Message)}


class ContractError(ValueError):
    """A line that is not a message of this contract."""


def encode(message: Message) -> str:
    """One JSON line, newline included. Non-finite numbers are written as null (JSON has none)."""
    record = {"kind": type(message).__name__.lower(), **dataclasses.asdict(message)}
    return json.dumps(finite(record), ensure_ascii=False, allow_nan=False) + "\n"


def decode(line: str) -> Message:
    """The message in one JSON line.

    Raises ContractError when the line is not JSON, of no known kind, or has missing or unknown fields.
    """
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:  # a ValueError also for numbers of thousands of digits
        raise ContractError(f"Expected a JSON line, got {line.strip()[:80]!r}.") from error
    if not isinstance(record, dict):
        raise ContractError(f"Expected a JSON object, got {line.strip()[:80]!r}.")
    kind = record.pop("kind", None)
    if not isinstance(kind, str) or kind not in _KINDS:
        raise ContractError(f"Expected a message kind out of {', '.join(_KINDS)}, got {kind!r}.")
    try:
        return _KINDS[kind](**_nested(kind, record))
    except (TypeError, AttributeError, ValueError) as error:
        raise ContractError(f"The fields of a {kind!r} message do not fit: {error}.") from error


def _nested(kind: str, record: dict) -> dict:
    if kind == "register":
        record["job"] = _typed(Job(**record.get("job")))
    if kind == "cancel" and not isinstance(record.get("id"), str):
        raise TypeError("an id is a text")
    if kind == "result":
        record["measures"] = [_measure(m) for m in record.get("measures", [])]
    return record


def _typed(job: Job) -> Job:
    for each in dataclasses.fields(job):
        value = getattr(job, each.name)
        fitting = (int, float) if each.type is float else each.type
        if not isinstance(value, fitting) or isinstance(value, bool):
            raise TypeError(f"{each.name} must be of type {each.type.__name__}, got {value!r}")
    return job


def _measure(record: dict) -> Measure:
    value = record.get("value")
    return Measure(**{**record, "value": float("nan") if value is None else float(value)})


def finite(value):
    """The same nested lists and dicts with NaN and infinities replaced by None."""
    if isinstance(value, float):
        return value if value - value == 0 else None
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    return value
