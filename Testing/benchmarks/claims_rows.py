"""One line of a claims table, and the rules by which a claim holds."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from claims_judge import Judged

HOLDS, FAILS, UNKNOWN, MISSING = "holds", "does not hold here", "not measurable here", "not measured yet"
_ERRORS = 2.0  # standard errors that a mean difference must be away from zero
_LEARNT = 0.01  # Dice above the affine start; what has less has not been trained long enough to be compared
_LEVEL = 0.01  # Dice; who is no further behind keeps up
_NO_FOLDS = 0.01  # per cent of voxels; less is nearly none


@dataclass(frozen=True)
class Row:
    """A claim, and what became of it."""

    claim: str
    paper: str  # its ratio, or where there is none what it says
    ours: str
    verdict: str  # one of the four above
    why: str


@dataclass(frozen=True)
class Difference:
    """Of two methods on the same pairs, one minus the other."""

    mean: float
    error: float  # standard error

    @property
    def is_positive(self) -> bool:
        return self.mean > _ERRORS * self.error

    @property
    def is_negative(self) -> bool:
        return self.mean < -_ERRORS * self.error

    def __str__(self) -> str:
        return f"{self.mean:+.4f} ± {self.error:.4f}"


def difference(one: Judged, other: Judged, measure: str) -> Difference:
    """Pair by pair. Raises ValueError when they were judged on different pairs."""
    names = [[pair.name for pair in method.pairs] for method in (one, other)]
    if names[0] != names[1]:
        raise ValueError(f"{one.name} and {other.name} should have been judged on the same pairs: judge them anew.")
    each = one.values(measure) - other.values(measure)
    return Difference(float(each.mean()), float(each.std(ddof=1) / np.sqrt(len(each))) if len(each) > 1 else np.inf)


def ratio(one: float, other: float) -> float:
    """one / other; NaN where there is nothing to divide by."""
    return one / other if other else float("nan")


def gain(method: Judged) -> float:
    """Dice above the affine start."""
    return method.mean("dice") - method.mean("dice_before")


def too_young(methods: Sequence[Judged]) -> str:
    """Why methods cannot be compared: nobody has learnt anything; empty when somebody has."""
    if max(gain(method) for method in methods) >= _LEARNT:
        return ""
    return f"no network is {_LEARNT:.2f} Dice above the affine start yet: train longer (`--steps`)"


def higher(claim: str, paper: str, one: Judged, other: Judged, measure: str, note: str = "") -> Row:
    """The measure of `one` is higher than that of `other`, pair by pair."""
    return _compared(claim, paper, (one, other), measure, difference(one, other, measure).is_positive, note)


def lower(claim: str, paper: str, one: Judged, other: Judged, measure: str, note: str = "") -> Row:
    """It is lower."""
    return _compared(claim, paper, (one, other), measure, difference(one, other, measure).is_negative, note)


def level(claim: str, paper: str, one: Judged, other: Judged, note: str = "") -> Row:
    """The Dice of `one` is not behind that of `other`."""
    note = "; ".join(part for part in (f"level is at most {_LEVEL} behind", note) if part)
    return _compared(claim, paper, (one, other), "dice", one.mean("dice") >= other.mean("dice") - _LEVEL, note)


def fewer_folds(claim: str, paper: str, one: Judged, other: Judged, strictly: bool, note: str) -> Row:
    """`one` folds less than `other`, or (not strictly) no more."""
    if not other.mean("folded"):
        return Row(claim, paper, f"{one.mean('folded'):.1f} / 0 voxels", UNKNOWN, f"{other.name} does not fold; {note}")
    found = difference(one, other, "folded")
    return _compared(claim, paper, (one, other), "folded", found.is_negative if strictly else found.mean <= 0, note)


def _compared(claim: str, paper: str, methods: tuple[Judged, Judged], measure: str, holds: bool, note: str) -> Row:
    means = [method.mean(measure) for method in methods]
    ours = f"{ratio(*means):.3f} ({means[0]:.4g} / {means[1]:.4g})"
    if reason := too_young(methods):
        return Row(claim, paper, ours, UNKNOWN, reason)
    told = [f"differs by {difference(*methods, measure)} over {len(methods[0].pairs)} pairs"]
    told += [f"{method.name} has hardly learnt" for method in methods if gain(method) < _LEARNT]
    return Row(claim, paper, ours, HOLDS if holds else FAILS, "; ".join([*told, note] if note else told))


def cheaper(claim: str, paper: str, one: float, other: float, unit: str, why: str) -> Row:
    """`one` costs less than `other`."""
    return _cost(claim, paper, one, other, unit, one < other, why)


def dearer(claim: str, paper: str, one: float, other: float, unit: str, why: str) -> Row:
    """It costs more."""
    return _cost(claim, paper, one, other, unit, one > other, why)


def _cost(claim: str, paper: str, one: float, other: float, unit: str, holds: bool, why: str) -> Row:
    ours = f"{ratio(one, other):.2f} ({_short(one)} / {_short(other)} {unit})"
    return Row(claim, paper, ours, HOLDS if holds else FAILS, why)


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def hardly_folds(claim: str, paper: str, method: Judged, note: str) -> Row:
    """At most _NO_FOLDS per cent of the voxels, mean over the pairs, by the strictest of eight determinants."""
    share = method.mean("folded_percent")
    ours = f"{share:.4f} % ({method.mean('folded'):.1f} voxels a pair)"
    if reason := too_young((method,)):
        return Row(claim, paper, ours, UNKNOWN, f"{reason}; what does not move does not fold")
    return Row(claim, paper, ours, HOLDS if share <= _NO_FOLDS else FAILS, f"nearly none is {_NO_FOLDS} % here; {note}")


def missing(claim: str, paper: str, parts: str) -> Row:
    """Its parts have not been run."""
    return Row(claim, paper, "", MISSING, f"run the parts {parts}")


def unknown(claim: str, paper: str, why: str) -> Row:
    """What cannot be found out with what is here."""
    return Row(claim, paper, "", UNKNOWN, why)
