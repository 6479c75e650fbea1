"""How long-running code tells where it is and learns that it shall stop."""

import time
from collections.abc import Callable

from .contract import STAGES
from .errors import Cancelled

# The share of a typical job that each stage takes, so that the bar moves evenly.
_WEIGHTS = {"read": 3, "align": 12, "prepare": 4, "model": 10, "refine": 50, "compose": 9, "measure": 6, "write": 6}

Listener = Callable[[str, float, str], None]  # stage, fraction of the whole job 0..1, one line of text


class Reporter:
    """Collects the stages of ONE job: tells a listener, times them, and raises Cancelled when asked to stop.

    >>> reporter.start("align", "Aligning the images")
    >>> reporter.step(0.5)       # half of the stage is done; raises Cancelled when the user has asked to
    """

    def __init__(self, listener: Listener = lambda *_: None, stop_requested: Callable[[], bool] = lambda: False):
        self.seconds: dict[str, float] = {}
        self._listener = listener
        self._stop_requested = stop_requested
        self._stage, self._text, self._begun = "", "", 0.0
        self._furthest = 0.0  # a stage may be entered again; the bar does not go back

    def start(self, stage: str, text: str) -> None:
        """Enter a stage of contract.STAGES; the stage before ends here."""
        self.end()
        self._stage, self._text, self._begun = stage, text, time.perf_counter()
        self.step(0.0)

    def step(self, fraction: float, text: str = "") -> None:
        """`fraction` (0..1) of the current stage is done. Raises Cancelled when the user has asked to stop."""
        if self._stop_requested():
            raise Cancelled("The registration was cancelled; nothing was written.")
        before = sum(_WEIGHTS[s] for s in STAGES[: STAGES.index(self._stage)])
        done = (before + _WEIGHTS[self._stage] * min(max(fraction, 0.0), 1.0)) / sum(_WEIGHTS.values())
        self._furthest = max(self._furthest, done)
        self._listener(self._stage, self._furthest, text or self._text)

    def end(self) -> None:
        """Close the current stage's clock (also called by the next `start`)."""
        if self._stage:
            passed = time.perf_counter() - self._begun
            self.seconds[self._stage] = self.seconds.get(self._stage, 0.0) + passed
        self._stage = ""
