"""How much refinement a person asks for, in words: "auto", a number of steps, or seconds."""

import math
import re
from dataclasses import dataclass, replace

from .errors import InputError

MOST_STEPS = 1_000_000


@dataclass(frozen=True)
class Effort:
    """`steps` per resolution (None: as the method sees fit, 0: none), within `seconds` of wall time."""

    steps: int | None = None
    seconds: float = math.inf

    @property
    def is_none(self) -> bool:
        """Whether nothing is to be refined."""
        return self.steps == 0

    def part(self, share: float) -> "Effort":
        """For what takes a share of the time, where it is seconds."""
        return replace(self, seconds=share * self.seconds)

    @classmethod
    def of(cls, text: str) -> "Effort":
        """Of Job.refine: "auto", "0" (none), "40" (steps), "60s" or "2.5s" (seconds). Raises InputError."""
        if text == "auto":
            return cls()
        if re.fullmatch(r"[0-9]+", text) and len(text) < 20 and int(text) <= MOST_STEPS:
            return cls(steps=int(text))
        if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?s", text) and float(text[:-1]) > 0:
            return cls(seconds=float(text[:-1]))
        raise InputError(
            f"Refine must be auto, a number of steps (0 = off, {MOST_STEPS} at most), or seconds such as 60s, "
            f"not {text!r}."
        )
