"""The table of images that a model is trained on: one row an image, split by person."""

import csv
import hashlib
from dataclasses import dataclass
from pathlib import Path

from sitreg_engine.errors import InputError

from .settings import DataSettings

_COLUMNS = ("image", "labels", "mask", "person", "split")
SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class Row:
    image: str  # paths, absolute
    labels: str  # empty = none
    mask: str
    person: str
    split: str  # one of SPLITS


def read_table(settings: DataSettings) -> list[Row]:
    """The rows of the table in their order.

    Without a column `split`, a share of the persons (by a hash of their names: adding people moves nobody) is for
    validation. Raises InputError for missing files and columns, and when a person is on both sides of the split.
    """
    path = Path(settings.table)
    root = Path(settings.root) if settings.root else path.parent
    try:
        with open(path, newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            columns, records = reader.fieldnames or [], list(reader)
    except OSError as error:
        raise InputError(f"A table of training images was expected at {path}: {error.strerror}.") from error
    _check_columns(columns, path)
    rows = [_row(record, number, root, path, settings) for number, record in enumerate(records, start=2)]
    _check_persons(rows, path)
    return rows


def _check_columns(columns: list[str], path: Path) -> None:
    unknown, missing = set(columns) - set(_COLUMNS), {"image", "person"} - set(columns)
    if unknown or missing:
        raise InputError(
            f"The table {path} needs the columns image and person, and may have labels, mask and split; "
            f"it has {', '.join(columns) or 'none'}."
        )


def _row(record: dict[str, str], number: int, root: Path, path: Path, settings: DataSettings) -> Row:
    given = {name: (record.get(name) or "").strip() for name in _COLUMNS}
    for name in ("image", "person"):
        if not given[name]:
            raise InputError(f"Line {number} of the table {path} has no {name}.")
    for name in ("image", "labels", "mask"):
        if given[name]:
            given[name] = str(root / given[name])
            if not Path(given[name]).exists():
                raise InputError(f"Line {number} of the table {path} names {given[name]}, which does not exist.")
    split = given["split"] or _split_of(given["person"], settings.validation_share)
    if split not in SPLITS:
        raise InputError(f"Line {number} of the table {path}: split must be one of {', '.join(SPLITS)}, got {split!r}.")
    return Row(given["image"], given["labels"], given["mask"], given["person"], split)


def _split_of(person: str, share: float) -> str:
    number = int.from_bytes(hashlib.sha256(person.encode()).digest()[:8]) / 2**64
    return "val" if number < share else "train"


def _check_persons(rows: list[Row], path: Path) -> None:
    sides: dict[str, str] = {}
    for row in rows:
        if sides.setdefault(row.person, row.split) != row.split:
            raise InputError(f"In the table {path}, {row.person} is in {row.split} and in {sides[row.person]}.")
