"""The numbers of one section as a table with a column per device."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

DEVICES = ("cpu", "cuda")


@dataclass(frozen=True)
class Figure:
    """One number, measured one or several times."""

    what: str  # unit included
    each: tuple[float, ...]
    digits: int = 1
    goal: str = ""  # for the CPU, in words

    @property
    def median(self) -> float:
        return statistics.median(self.each)


@dataclass(frozen=True)
class Section:
    """A finished part of the benchmark."""

    name: str
    title: str
    figures: dict[str, list[Figure]]  # device -> numbers; devices that are not there are missing


def markdown(section: Section) -> str:
    """A line per number; the devices that were not there say so."""
    rows = {figure.what: figure for figures in section.figures.values() for figure in figures}
    head = [section.title, "goal", *DEVICES]
    lines = [head, ["---", *["---:"] * (len(head) - 1)]]
    for what, figure in rows.items():
        lines.append([what, figure.goal, *(_cell(section, device, what) for device in DEVICES)])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _cell(section: Section, device: str, what: str) -> str:
    if device not in section.figures:
        return "not measured"
    found = [figure for figure in section.figures[device] if figure.what == what]
    return f"{found[0].median:.{found[0].digits}f}" if found else ""


def figures_of(names: Sequence[tuple[str, int, str]], values: Sequence[Sequence[float]]) -> list[Figure]:
    """A Figure for each (what, digits, goal), from as many repeats of all values as were made."""
    columns = zip(*values, strict=True)
    return [
        Figure(what, tuple(column), digits, goal) for (what, digits, goal), column in zip(names, columns, strict=True)
    ]
