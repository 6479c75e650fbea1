"""Claims as markdown."""

from collections.abc import Sequence

from claims_judge import Judged
from claims_rows import Row

_HEAD = ("claim", "paper", "here", "verdict", "why")
_JUDGED = (
    *("method", "Dice before", "Dice", "RMSE before", "RMSE", "folds", "folds %", "inverse error mm"),
    *("cycle error mm", "sd log J", "CPU s", "s"),
)


def table(head: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> str:
    """Markdown; the first `left` columns are text, the others numbers."""
    lines = [head, ["---"] * left + ["---:"] * (len(head) - left), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def claims_table(rows: Sequence[Row]) -> str:
    """One line for each claim; verdicts stand out."""
    cells = [[row.claim, row.paper, row.ours, f"**{row.verdict}**", row.why] for row in rows]
    return table(_HEAD, cells, left=len(_HEAD))


def judged_table(methods: Sequence[tuple[str, Judged]]) -> str:
    """(title, judged) of all methods, side by side; means over the pairs."""
    return table(_JUDGED, [[title, *_means(method)] for title, method in methods])


def _means(method: Judged) -> list[str]:
    names = (
        *(("dice_before", ".3f"), ("dice", ".3f"), ("rmse_before", ".4f"), ("rmse", ".4f"), ("folded", ".1f")),
        *(("folded_percent", ".4f"), ("inverse_error", ".4f"), ("cycle_error", ".4f"), ("spread", ".3f")),
        *(("cpu_seconds", ".2f"), ("wall_seconds", ".2f")),
    )
    return [format(method.mean(name), digits) for name, digits in names]
