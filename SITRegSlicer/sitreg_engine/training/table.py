"""The table of images that a model is trained on: one row an image, split by person."""

import csv
import hashlib
from dataclasses import dataclass
from pathlib import Path

from sitreg_engine.errors import InputError

from .settings import DataSettings

_LEAST_VALIDATED = 2  # persons: a pair
_MOST_VALIDATED = 1 / 3  # of the persons, where they are few
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

    Without a column `split`, a share of the persons (by a hash of their names: adding people moves nobody, once the
    share is of two) is for validation: two at least, where that is no more than a third of all. Raises InputError for
    missing files and columns, and when a person is on both sides of the split.
    """
    path = Path(settings.table)
    root = Path(settings.root) if settings.root else path.parent
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:  # spreadsheets put a mark before the first column
            reader = csv.DictReader(file)
            reader.fieldnames = columns = [name.strip() for name in reader.fieldnames or []]
            records = [{name: (record.get(name) or "").strip() for name in _COLUMNS} for record in reader]
    except OSError as error:
        raise InputError(f"A table of training images was expected at {path}: {error.strerror}.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"The table {path} must be a CSV file in UTF-8: save it as one ({error}).") from error
    _check_columns(columns, path)
    aside = _put_aside(records, settings.validation_share)
    rows = [_row(record, number, root, path, aside) for number, record in enumerate(records, start=2)]
    _check_persons(rows, path)
    return rows


def _check_columns(columns: list[str], path: Path) -> None:
    unknown, missing = set(columns) - set(_COLUMNS), {"image", "person"} - set(columns)
    if unknown or missing:
        raise InputError(
            f"The table {path} needs the columns image and person, and may have labels, mask and split; "
            f"it has {', '.join(columns) or 'none'}."
        )


def _row(given: dict[str, str], number: int, root: Path, path: Path, aside: set[str]) -> Row:
    for name in ("image", "person"):
        if not given[name]:
            raise InputError(f"Line {number} of the table {path} has no {name}.")
    for name in ("image", "labels", "mask"):
        if given[name]:
            given[name] = str(root / given[name])
            if not Path(given[name]).exists():
                raise InputError(f"Line {number} of the table {path} names {given[name]}, which does not exist.")
    split = given["split"] or ("val" if given["person"] in aside else "train")
    if split not in SPLITS:
        raise InputError(f"Line {number} of the table {path}: split must be one of {', '.join(SPLITS)}, got {split!r}.")
    return Row(given["image"], given["labels"], given["mask"], given["person"], split)


def _put_aside(records: list[dict[str, str]], share: float) -> set[str]:
    """Persons for validation, of those where the table does not say."""
    open_ones = [record["person"] for record in records if not record["split"]]
    numbers = {person: int.from_bytes(hashlib.sha256(person.encode()).digest()[:8]) / 2**64 for person in open_ones}
    found = {person for person, number in numbers.items() if number < share}
    few = len(found) < _LEAST_VALIDATED <= _MOST_VALIDATED * len(numbers)
    if few and share > 0 and len(open_ones) == len(records):
        return set(sorted(numbers, key=numbers.get)[:_LEAST_VALIDATED])
    return found


def _check_persons(rows: list[Row], path: Path) -> None:
    sides: dict[str, str] = {}
    for row in rows:
        if sides.setdefault(row.person, row.split) != row.split:
            raise InputError(f"In the table {path}, {row.person} is in {row.split} and in {sides[row.person]}.")
