"""The accuracy table in markdown."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from accuracy_scorer import Score

_BRAIN = (
    *("pair (fixed <- moving)", "Dice before", "Dice affine", "Dice", "HD95 mm", "folds in brain", "folds in field"),
    *("inverse error mm: mean", "95 %", "max", "seconds"),
)
_LUNG = (
    *("pair (fixed <- moving)", "surface distance mm before", "after", "HD95 mm before", "after", "Dice before"),
    *("Dice", "folds in lung", "folds in field", "inverse error mm: mean", "95 %", "max", "seconds"),
)


@dataclass(frozen=True)
class Row:
    """One finished pair of the table."""

    group: str
    name: str
    score: Score
    seconds: float  # wall time of the whole command


def markdown(rows: Sequence[Row]) -> str:
    """A table for the brains and one for the lung, with the mean of each group of several pairs below it."""
    brains = [row for row in rows if row.score.distances_before is None]
    lungs = [row for row in rows if row.score.distances_before is not None]
    parts = []
    if brains:
        parts.append(_table(_BRAIN, [_brain(row) for row in brains] + _means(brains)))
    if lungs:
        parts.append(_table(_LUNG, [_lung(row) for row in lungs]))
    return "\n\n".join(parts)


def _brain(row: Row) -> list[str]:
    s = row.score
    return [
        *(row.name, f"{s.dice_before:.3f}", f"{s.dice_affine:.3f}", f"{s.dice:.3f}", f"{s.distances.hd95:.2f}"),
        *(_folds(s.folds.inside, s.folds.inside_percent), _folds(s.folds.field, s.folds.field_percent)),
        *_consistency(s),
        f"{row.seconds:.0f}",
    ]


def _lung(row: Row) -> list[str]:
    s, before = row.score, row.score.distances_before
    return [
        *(row.name, f"{before.surface:.2f}", f"{s.distances.surface:.2f}"),
        *(f"{before.hd95:.2f}", f"{s.distances.hd95:.2f}", f"{s.dice_before:.3f}", f"{s.dice:.3f}"),
        *(_folds(s.folds.inside, s.folds.inside_percent), _folds(s.folds.field, s.folds.field_percent)),
        *_consistency(s),
        f"{row.seconds:.0f}",
    ]


def _means(rows: Sequence[Row]) -> list[list[str]]:
    groups = list(dict.fromkeys(row.group for row in rows))
    return [_mean([row for row in rows if row.group == g]) for g in groups if sum(r.group == g for r in rows) > 1]


def _mean(rows: Sequence[Row]) -> list[str]:
    scores = [row.score for row in rows]

    def mean(values, digits: int) -> str:
        return f"**{np.mean(list(values)):.{digits}f}**"

    return [
        f"**{rows[0].group}, mean of {len(rows)}**",
        *(mean((s.dice_before for s in scores), 3), mean((s.dice_affine for s in scores), 3)),
        *(mean((s.dice for s in scores), 3), mean((s.distances.hd95 for s in scores), 2)),
        *(mean((s.folds.inside for s in scores), 1), mean((s.folds.field for s in scores), 1)),
        *(mean((s.consistency.mean for s in scores), 3), mean((s.consistency.p95 for s in scores), 3)),
        *(mean((s.consistency.most for s in scores), 2), mean((row.seconds for row in rows), 0)),
    ]


def _folds(count: int, percent: float) -> str:
    return f"{count} ({percent:.3g} %)" if count else "0"


def _consistency(score: Score) -> list[str]:
    c = score.consistency
    return [f"{c.mean:.3f}", f"{c.p95:.3f}", f"{c.most:.2f}"]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
