"""The numbers of one section as a table with a column per device, on paper and in README."""

import re
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

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


def put_into(page: Path, name: str, text: str) -> None:
    """Replace what stands between `<!-- speed: NAME -->` and `<!-- speed: end of NAME -->` in a page.

    Raises ValueError when the page has no such place.
    """
    begin, end = f"<!-- speed: {name} -->", f"<!-- speed: end of {name} -->"
    content = page.read_text(encoding="utf-8")
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    if not pattern.search(content):
        raise ValueError(f"{page} should have a line {begin} and below it {end}.")
    page.write_text(pattern.sub(lambda _: f"{begin}\n{text}\n{end}", content), encoding="utf-8")


def figures_of(names: Sequence[tuple[str, int, str]], values: Sequence[Sequence[float]]) -> list[Figure]:
    """A Figure for each (what, digits, goal), from as many repeats of all values as were made."""
    columns = zip(*values, strict=True)
    return [
        Figure(what, tuple(column), digits, goal) for (what, digits, goal), column in zip(names, columns, strict=True)
    ]
