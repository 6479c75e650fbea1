"""The comparison in parts, each run by a process of its own; its record is a file, so that nothing is done twice.

python Testing/benchmarks/claims_parts.py train_sitreg --folder bench/claims --steps 1000    # one part, here
"""

import argparse
import dataclasses
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from claims_costs import FITTING, NOTHING, SMALL, Shape, StepCost, step_cost
from claims_inversion import Evaluations, SavedFields, evaluations, saved_fields
from claims_judge import Judged, judged_pairs
from claims_methods import METHODS
from claims_work import (
    Place,
    Trained,
    judged_as_published,
    judged_fitting,
    judged_prediction,
    trained,
    trained_network,
)
from speed_network import FULL, HALF

SIDES = (32, 48, 64, 96, 128, 160)  # voxels, of cubes
FAR_SIDE = 240  # of NePhi alone: a voxel network's step would need more memory than most machines have
PHASES = ("baseline", "ddrnet_local", "ddrnet_global", "ddrnet")
SHAPES = {"half": HALF, "full": FULL}
IDLE = f"memory_{NOTHING}"
_REPEATED = 2**20  # voxels; the steps on larger images are made once


class Record(Protocol):
    """A frozen dataclass that can be read back from its own asdict()."""

    @classmethod
    def read(cls, found: dict) -> "Record": ...


@dataclass(frozen=True)
class Part:
    work: Callable[[Place], Record]
    kind: type
    sized: bool = False  # does not depend on how long anything is trained


@dataclass(frozen=True)
class Pairs:
    """The judged pairs are aligned and in the cache."""

    names: tuple[str, ...]
    shapes: tuple[Shape, ...]

    @classmethod
    def read(cls, found: dict) -> "Pairs":
        return cls(tuple(found["names"]), tuple(map(tuple, found["shapes"])))


def _pairs(place: Place) -> Pairs:
    found = judged_pairs(place.pairs)
    return Pairs(tuple(name for name, _ in found), tuple(tuple(g.views[0].image.shape[2:]) for _, g in found))


def _evaluations(place: Place) -> Evaluations:
    return evaluations(trained_network(place, "sitreg"), judged_pairs(place.pairs))


def _cost(what: str, shape: Shape) -> Part:
    repeats = 1 if shape[0] * shape[1] * shape[2] > _REPEATED else 3
    return Part(lambda _place: step_cost(what, shape, repeats), StepCost, sized=True)


def memory_part(what: str, side: int) -> str:
    return f"memory_{what}_{side}"


def phase_part(what: str, size: str) -> str:
    return f"phase_{what}_{size}"


def _memory_parts() -> dict[str, Part]:
    found = {IDLE: _cost(NOTHING, SMALL)}
    for side in (*SIDES, FAR_SIDE):
        for what in ("baseline", "nephi", FITTING) if side in SIDES else ("nephi", FITTING):
            found[memory_part(what, side)] = _cost(what, (side,) * 3)
    return found


PARTS: dict[str, Part] = {
    "saved_fields": Part(lambda _place: saved_fields(), SavedFields, sized=True),
    **_memory_parts(),
    **{phase_part(what, size): _cost(what, shape) for size, shape in SHAPES.items() for what in PHASES},
    "pairs": Part(_pairs, Pairs),
    **{f"train_{name}": Part(partial(trained, method=name), Trained) for name in METHODS},
    **{f"judge_{name}": Part(partial(judged_prediction, method=name), Judged) for name in METHODS},
    "judge_snet_as_published": Part(partial(judged_as_published, method="snet"), Judged),
    "judge_nephi_fitted": Part(partial(judged_fitting, method="nephi"), Judged),
    "evaluations": Part(_evaluations, Evaluations),
}


@dataclass(frozen=True)
class Results:
    """What has been found so far."""

    folder: Path  # of the comparison
    steps: int

    def place(self, fitting_steps: int, pairs: int) -> Place:
        return Place(self._folder(sized=False), self.steps, fitting_steps, pairs)

    def file(self, name: str) -> Path:
        """Of a part's record."""
        return self._folder(PARTS[name].sized) / f"{name}.json"

    def found(self, name: str) -> Record | None:
        """The part's record; None when it has not been run."""
        path = self.file(name)
        return PARTS[name].kind.read(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else None

    def memory(self, name: str) -> float | None:
        """MiB of a measured step above an idle process; None when either is missing."""
        found, idle = self.found(name), self.found(IDLE)
        return None if found is None or idle is None else max(found.peak_mib - idle.peak_mib, 1.0)

    def keep(self, name: str, record: Record) -> None:
        """Whole or not at all."""
        path = self.file(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".tmp")
        temporary.write_text(json.dumps(dataclasses.asdict(record), indent=1) + "\n", encoding="utf-8")
        temporary.replace(path)

    def _folder(self, sized: bool) -> Path:
        return self.folder / ("sizes" if sized else f"steps_{self.steps:04d}")


def main() -> int:
    """One part in this process."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--fitting-steps", type=int, default=50)
    parser.add_argument("--pairs", type=int, default=10)
    args = parser.parse_args()
    results = Results(args.folder.resolve(), args.steps)
    results.keep(args.part, PARTS[args.part].work(results.place(args.fitting_steps, args.pairs)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
