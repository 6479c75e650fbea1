"""How much time is left, and what fits into it."""

import math
import time

# A round of fewer steps is not worth the images that are made ready for it.
LEAST_STEPS = 3
_SHARE = 0.5  # of the time left that a level may take when finer ones follow: coarse levels come first, and are cheap


class Budget:
    """Wall time for the levels of one refinement. Without a limit nothing here looks at a clock, or depends on one."""

    def __init__(self, seconds: float = math.inf):
        self._end = math.inf if math.isinf(seconds) else time.monotonic() + seconds
        self._until = self._end
        self._pace = 0.0  # seconds per voxel and step, as last measured; 0 = not yet

    def enter(self, last: bool) -> None:
        """A level begins: it may take a part of the time that is left, or all of it when it is the last."""
        self._until = self._end if last or math.isinf(self._end) else self._middle()

    def fitting(self, voxels: int, wanted: int) -> int:
        """How many of the `wanted` steps of a round on so many voxels fit into the level's time; 0 = not enough do.

        Before anything was measured all do: the first level is the coarsest.
        """
        if math.isinf(self._end) or not self._pace:
            return wanted
        fitting = int(min(max(self._until - time.monotonic(), 0.0) / (self._pace * voxels), wanted))
        return fitting if fitting >= min(LEAST_STEPS, wanted) else 0

    def is_over(self) -> bool:
        """Whether the level's time is over."""
        return not math.isinf(self._end) and time.monotonic() >= self._until

    def learn(self, voxels: int, steps: int, seconds: float) -> None:
        """A round of so many steps on so many voxels, from its beginning to its end, took so many seconds."""
        self._pace = seconds / (voxels * steps)

    def _middle(self) -> float:
        now = time.monotonic()
        return now + _SHARE * max(self._end - now, 0.0)
