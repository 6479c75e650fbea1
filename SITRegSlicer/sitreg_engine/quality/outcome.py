"""What the measures say against a result as a whole, in words."""

from math import nan

from sitreg_engine.contract import Measure

_LESS_OVERLAP = 0.005  # of Dice: less than that decides nothing


def outcome_doubts(measures: list[Measure]) -> list[str]:
    """Folds that are left, labels or landmarks that fit worse than before: for people, nothing when all is well."""
    values = {m.name: m.value for m in measures}
    return [told for doubt in (_folds, _overlap, _landmarks) if (told := doubt(values))]


def _folds(values: dict[str, float]) -> str:
    forward, inverse = (int(values.get(f"{name}_folds", 0)) for name in ("forward", "inverse"))
    if not forward + inverse:
        return ""
    where = " (the Jacobian volume shows where in the fixed volume the forward one does)" if forward else ""
    return (
        f"The transforms fold, the forward one at {forward} voxels and the inverse one at {inverse}: "
        f"do not trust them there{where}."
    )


def _overlap(values: dict[str, float]) -> str:
    before, after = (values.get(name, nan) for name in ("dice_mean_aligned", "dice_mean"))
    if not after < before - _LESS_OVERLAP:
        return ""
    return (
        f"The labels overlap less after the deformation than after the alignment alone (mean Dice {after:.3f}, "
        f"{before:.3f}): look at the result, do not use it as it is."
    )


def _landmarks(values: dict[str, float]) -> str:
    before, after = (values.get(name, nan) for name in ("tre_mean_before", "tre_mean"))
    if not after > before:  # nor where one is NaN
        return ""
    return (
        f"The landmarks lie farther apart than before the registration ({after:.1f} mm on average, {before:.1f} mm): "
        "look at the result, do not use it as it is."
    )
