"""The accuracy tables in markdown: a line per method, means over the pairs of a group."""

import statistics
from collections.abc import Callable, Sequence

from accuracy_methods import Method
from accuracy_rows import Row

_COLUMNS: tuple[tuple[str, Callable[[Row], float], int], ...] = (
    ("Dice", lambda row: row.score.dice, 3),
    ("HD95 mm", lambda row: row.score.distances.hd95, 2),
    ("surfaces mm", lambda row: row.score.distances.surface, 2),
    ("folds", lambda row: row.score.folds.inside, 1),
    ("std log J", lambda row: row.score.std_log_jacobian, 3),
    ("inverse error mm: mean", lambda row: row.score.consistency.mean, 3),
    ("max", lambda row: row.score.consistency.most, 2),
    ("seconds", lambda row: row.cost.seconds, 1),
    ("whole process", lambda row: row.cost.whole, 1),
    ("CPU s", lambda row: row.cost.cpu, 0),
    ("MiB", lambda row: row.cost.peak_mib, 0),
)


def markdown(rows: Sequence[Row], methods: Sequence[Method]) -> str:
    """A table of one group's rows in the order of the methods; what failed stands below it with its reason."""
    head = ["method", "pairs", *(name for name, _, _ in _COLUMNS)]
    lines = [head, ["---"] + ["---:"] * (len(head) - 1)]
    for method in methods:
        of_it = [row for row in rows if row.method == method.name]
        good = [row for row in of_it if not row.reason]
        if of_it:
            lines.append([method.title, _count(good, of_it), *(_cell(good, *how) for _, *how in _COLUMNS)])
    table = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    return "\n\n".join([table, *_failures(rows, methods), *_busy(rows)])


def _count(good: Sequence[Row], tried: Sequence[Row]) -> str:
    return str(len(good)) if len(good) == len(tried) else f"{len(good)} of {len(tried)}"


def _cell(rows: Sequence[Row], value: Callable[[Row], float], digits: int) -> str:
    return f"{statistics.mean(value(row) for row in rows):.{digits}f}" if rows else "-"


def _failures(rows: Sequence[Row], methods: Sequence[Method]) -> list[str]:
    found = []
    for method in methods:
        failed = [row for row in rows if row.method == method.name and row.reason]
        for reason in dict.fromkeys(row.reason for row in failed):
            pairs = [row.pair for row in failed if row.reason == reason]
            where = pairs[0] if len(pairs) == 1 else f"{len(pairs)} pairs"
            found.append(f"{method.title} failed on {where}: {reason}.")
    return found


def _busy(rows: Sequence[Row]) -> list[str]:
    if all(row.quiet for row in rows):
        return []
    return ["Seconds were measured beside other work: they are no measure of the methods."]


def versions(rows: Sequence[Row]) -> str:
    """Packages and machines, in one line."""
    packages = {f"{name} {version}": None for row in rows for name, version in sorted(row.packages.items())}
    return f"{'; '.join(_machines(rows))}. Packages: {', '.join(sorted(packages))}."


def _machines(rows: Sequence[Row]) -> list[str]:
    """Each machine once, with all the commits that were measured on it."""
    commits: dict[str, dict[str, None]] = {}
    for row in rows:
        machine, comma, commit = row.machine.partition(", commit ")
        commits.setdefault(machine + comma, {})[commit] = None
    return [machine + ", ".join(found) for machine, found in commits.items()]


def each_pair(rows: Sequence[Row]) -> str:
    """Every row by itself, for the file beside the tables."""
    head = ["group", "pair", "method", *(name for name, _, _ in _COLUMNS), "failed because"]
    lines = [head, ["---"] * len(head)]
    for row in rows:
        values = ["-"] * len(_COLUMNS) if row.reason else [_cell([row], *how) for _, *how in _COLUMNS]
        lines.append([row.group, row.pair, row.method, *values, row.reason])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
