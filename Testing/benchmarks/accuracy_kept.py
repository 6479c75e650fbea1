"""The rows behind README's tables, kept with it: Docs/accuracy/GROUP.jsonl, a line for each row.

A fresh clone goes on from there: what is missing is measured, and --fresh measures anew.
"""

from collections.abc import Sequence
from pathlib import Path

from accuracy_methods import Method
from accuracy_pairs import ROOT, Pair
from accuracy_rows import Row, line_of, row_file, row_of_line, write_row

KEPT = ROOT / "Docs" / "accuracy"


def keep(rows: Sequence[Row], group: str, folder: Path = KEPT) -> None:
    """Write the group's rows; those of other pairs and methods stay."""
    file = folder / f"{group}.jsonl"
    known = {**_read(file), **{(row.pair, row.method): row for row in rows}}
    folder.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(line_of(known[key], digits=6) + "\n" for key in sorted(known)), encoding="utf-8")


def unpack(pairs: Sequence[Pair], methods: Sequence[Method], output: Path, folder: Path = KEPT) -> None:
    """Put kept rows where rows are looked for, unless newer ones are there."""
    for group in {pair.group for pair in pairs}:
        known = _read(folder / f"{group}.jsonl")
        for pair in (pair for pair in pairs if pair.group == group):
            for method in methods:
                row, file = known.get((pair.name, method.name)), row_file(output, pair, method)
                if row is not None and not file.exists():
                    write_row(row, file)


def _read(file: Path) -> dict[tuple[str, str], Row]:
    """By the names of pair and method."""
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return {(row.pair, row.method): row for row in map(row_of_line, lines)}
