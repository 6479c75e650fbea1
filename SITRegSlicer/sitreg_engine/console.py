"""What a person at a terminal sees: a progress bar, and a table at the end."""

import contextlib
import math
import os
import sys
from typing import TextIO

from tqdm import tqdm

from .contract import STAGES, Measure, Result


def say(stream: TextIO | None, text: str) -> None:
    """Write what can be shown: a closed or narrow terminal does not change what has been done."""
    if stream is None:
        return
    encoding = stream.encoding or "utf-8"
    try:
        stream.write(text.encode(encoding, "replace").decode(encoding))
        stream.flush()
    except (OSError, ValueError):  # nobody listens; Python itself shall not complain about that at its end
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


class Bar:
    """A Reporter's listener that draws on stderr; draws nothing when stderr is no terminal."""

    def __init__(self):
        layout = "{l_bar}{bar}| {elapsed}<{remaining}"
        self._bar = tqdm(total=100.0, miniters=0, file=sys.stderr, disable=None, leave=False, bar_format=layout)

    def __call__(self, stage: str, fraction: float, text: str) -> None:
        self._bar.set_description_str(text, refresh=False)
        self._bar.update(max(100.0 * fraction - self._bar.n, 0.0))

    def close(self) -> None:
        """Remove the bar, so that a line written afterwards stands alone."""
        self._bar.close()


def stage_line(result: Result) -> str:
    """Seconds per stage in one line."""
    order = [stage for stage in STAGES if stage in result.seconds]
    stages = "  ".join(f"{stage} {result.seconds[stage]:.1f}" for stage in order)
    return f"{sum(result.seconds.values()):.1f} s on {result.device}: {stages}"


# What a person wants to know first, in this order; everything else stands in result.json.
_HEADLINES = (
    *("ncc_before", "ncc_aligned", "ncc", "dice_mean_before", "dice_mean_aligned", "dice_mean", "hd95_mean"),
    *("tre_mean_before", "tre_mean", "tre_max", "forward_jacobian_min", "forward_jacobian_max"),
    *("forward_folds", "forward_folds_in_mask", "inverse_folds", "inverse_folds_in_mask"),
    *("forward_consistency_mean", "forward_consistency_p95", "forward_consistency_max"),
)


def table(measures: list[Measure]) -> str:
    """The headlines among the measures, one line each: value, unit, description."""
    by_name = {m.name: m for m in measures}
    shown = [by_name[name] for name in _HEADLINES if name in by_name]
    rows = [(_number(m.value), m.unit, m.description) for m in shown]
    width = max((len(value) for value, _, _ in rows), default=0)
    units = max((len(unit) for _, unit, _ in rows), default=0)
    return "\n".join(f"{value:>{width}} {unit:<{units}}  {text}" for value, unit, text in rows)


def _number(value: float) -> str:
    if not math.isfinite(value):
        return "-"
    return f"{value:.0f}" if value == round(value) and abs(value) < 1e9 else f"{value:.4g}"
