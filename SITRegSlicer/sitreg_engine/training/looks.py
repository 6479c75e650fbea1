"""How the images of a run look to its network, for the model card: noted once, when the run begins."""

import dataclasses
import json
from pathlib import Path

from sitreg_engine.models.familiar import Familiar, familiar_of
from sitreg_engine.whole import written_whole

from .sampler import Sampler

LOOKS = "looks.json"
_GROUPS = 32


def note_looks(sampler: Sampler, folder: Path) -> None:
    """Write the ranges over the first groups, unless a run that is resumed has done so.

    Second looks are left out: what a registration compares with these ranges is what the network sees first.
    """
    path = folder / LOOKS
    if path.exists():
        return
    sampler = dataclasses.replace(sampler, augment=dataclasses.replace(sampler.augment, second_look=0.0))
    views = [view for step in range(_GROUPS) for view in sampler.draw(step, 0).views]
    found = familiar_of([(view.image, view.seen) for view in views], sampler.spacing)
    with written_whole(path) as file:
        file.write_text(json.dumps(dataclasses.asdict(found)) + "\n", encoding="utf-8")


def read_looks(folder: Path) -> Familiar | None:
    """What `note_looks` wrote; None where it did not. Raises InputError for entries of another kind."""
    path = folder / LOOKS
    if not path.is_file():
        return None
    return Familiar.of(json.loads(path.read_text(encoding="utf-8")), f"The looks of a run, {path}")
