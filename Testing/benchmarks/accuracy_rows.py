"""Finished rows of the benchmark as files, so that a run that was interrupted goes on where it was."""

import dataclasses
import json
import math
from dataclasses import dataclass
from pathlib import Path

from accuracy_labels import Distances
from accuracy_methods import Method
from accuracy_pairs import Pair
from accuracy_scorer import Consistency, Folds, Score


@dataclass(frozen=True)
class Cost:
    """What one method took on one pair."""

    seconds: float  # wall time of the registration, both directions; no start of a process, no affine, no measuring
    whole: float  # wall time of the whole process
    cpu: float  # seconds of the whole process, all cores together
    peak_mib: float  # largest resident size of the process


@dataclass(frozen=True)
class Row:
    """One method on one pair: finished, or failed with a reason."""

    group: str
    pair: str
    method: str  # name
    settings: tuple[str, ...]
    reason: str  # why there are no numbers; empty when there are
    cost: Cost | None
    score: Score | None
    packages: dict[str, str]  # name -> version
    machine: str
    quiet: bool  # the machine did nothing else: seconds may be published


def row_file(output: Path, pair: Pair, method: Method) -> Path:
    return output / pair.folder / f"{method.name}.json"


def write_row(row: Row, file: Path) -> None:
    """Whole or not at all: a run may be killed at any moment."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_suffix(".tmp")
    draft.write_text(line_of(row) + "\n", encoding="utf-8")
    draft.replace(file)


def read_row(file: Path, method: Method) -> Row | None:
    """A row written before, None when there is none, it is damaged, or it was made with other settings."""
    try:
        row = row_of_line(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError, KeyError, TypeError):
        return None
    return row if row.settings == method.settings else None


def line_of(row: Row, digits: int = 17) -> str:
    """A row as a line of JSON, its numbers with so many significant digits."""
    return json.dumps(_plain(dataclasses.asdict(row), digits), allow_nan=False)


def row_of_line(line: str) -> Row:
    """The row that `line_of` wrote. Raises JSONDecodeError, KeyError or TypeError for anything else."""
    found = json.loads(line)
    cost, score = found["cost"], found["score"]
    return Row(
        **{
            **found,
            "settings": tuple(found["settings"]),
            "cost": cost and Cost(**_with_nan(cost)),
            "score": score and _score(score),
        }
    )


def _score(found: dict) -> Score:
    parts = {
        **{"distances": Distances, "folds": Folds, "inverse_folds": Folds},
        **{"consistency": Consistency, "inverse_consistency": Consistency},
    }
    nested = {name: kind(**_with_nan(found[name])) for name, kind in parts.items()}
    return Score(**{**_with_nan(found), **nested, "dice_each": tuple(found["dice_each"])})


def _with_nan(values: dict) -> dict:
    return {name: float("nan") if value is None else value for name, value in values.items()}


def _plain(value, digits: int):
    if isinstance(value, float):
        return float(f"{value:.{digits}g}") if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _plain(item, digits) for key, item in value.items()}
    return [_plain(item, digits) for item in value] if isinstance(value, list | tuple) else value
