"""The run's journal: CSV files that anything can read, TensorBoard's where it is installed, and pictures."""

import csv
import importlib.util
from collections.abc import Mapping
from pathlib import Path


def append(path: Path, step: int, values: Mapping[str, float]) -> None:
    """One line more, with a header when the file is new. Other columns than before begin a new file."""
    _set_aside(path, ["step", *values])
    is_new = not path.is_file() or path.stat().st_size == 0
    with open(path, "a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        if is_new:
            writer.writerow(["step", *values])
        writer.writerow([step, *(f"{value:.6g}" for value in values.values())])


def _set_aside(path: Path, header: list[str]) -> None:
    """Rename a file with other columns: a run went on with other losses."""
    if not path.is_file():
        return
    with open(path, newline="", encoding="utf-8") as file:
        lines = list(csv.reader(file))
    if lines and lines[0] != header:
        last = lines[-1][0] if len(lines) > 1 else "0"
        path.rename(path.with_name(f"{path.stem}_until_{last}{path.suffix}"))


def cut(path: Path, step: int) -> None:
    """Remove the lines after a step: a run that goes on from there writes them again."""
    if not path.is_file():
        return
    with open(path, newline="", encoding="utf-8") as file:
        header, *lines = list(csv.reader(file)) or [[]]
    kept = [line for line in lines if line and line[0].isdigit() and int(line[0]) <= step]
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *kept] if header else [])


class Board:
    """TensorBoard's log beside the CSV, where the package is installed; otherwise nothing."""

    def __init__(self, folder: Path):
        self._writer = None
        if importlib.util.find_spec("tensorboard"):
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(str(folder))

    def add(self, group: str, step: int, values: Mapping[str, float]) -> None:
        """Numbers of one step under group/name."""
        if self._writer:
            for name, value in values.items():
                self._writer.add_scalar(f"{group}/{name}", value, step)

    def close(self) -> None:
        """Nothing is lost after this."""
        if self._writer:
            self._writer.close()
