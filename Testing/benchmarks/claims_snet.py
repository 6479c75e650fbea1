"""What S-Net's paper claims (Sui et al., J. Healthcare Engineering 2021), against what was found."""

from claims_judge import Judged
from claims_parts import Results
from claims_rows import FAILS, HOLDS, UNKNOWN, Row, fewer_folds, higher, missing, ratio, too_young, unknown

_LOST = "its tables are lost"
_TENTH = 0.1
_CLAIMS = (
    ("higher Dice than the same backbone one way", f"significantly; {_LOST}"),
    ("far fewer folds than the same backbone one way", _LOST),
    ("the maps are each other's inverse", "by construction; not measured"),
    ("3.6 s a pair", "absolute"),
)


def snet_rows(results: Results) -> list[Row]:
    parts = "judge_snet_as_published", "judge_snet", "judge_baseline"
    found, scaled, baseline = (results.found(part) for part in parts)
    if None in (found, scaled, baseline):
        rows = [missing(*claim, f"train_snet, train_baseline, {', '.join(parts)}") for claim in _CLAIMS]
        return [*rows, *_absent()]
    note = f"{scaled.mean('folded'):.1f} with our scaling to a contraction, which the paper has not"
    return [
        higher(*_CLAIMS[0], found, baseline, "dice"),
        fewer_folds(*_CLAIMS[1], found, baseline, strictly=True, note=note),
        _consistent(found, baseline),
        _seconds(scaled, baseline),
        *_absent(),
    ]


def _consistent(found: Judged, baseline: Judged) -> Row:
    own, other = (method.mean("inverse_error") for method in (found, baseline))
    ours = f"{ratio(own, other):.4f} ({own:.4f} / {other:.4f} mm)"
    if reason := too_young((found, baseline)):
        return Row(*_CLAIMS[2], ours, UNKNOWN, f"{reason}; maps that hardly move agree anyway")
    why = (
        "there and back by the maps of one pass; holds below a tenth of the one-way U-Net's. By those of both orders "
        f"it is {found.mean('cycle_error'):.3f} mm: swapping is no part of the construction"
    )
    return Row(*_CLAIMS[2], ours, HOLDS if own < _TENTH * other else FAILS, why)


def _seconds(found: Judged, baseline: Judged) -> Row:
    own, other = (method.mean("cpu_seconds") for method in (found, baseline))
    ours = f"{ratio(own, other):.2f} ({own:.2f} / {other:.2f} CPU s)"
    why = "their V100, larger images, and no time of another method to compare with; here both maps of a pair at 4 mm"
    return Row(*_CLAIMS[3], ours, UNKNOWN, f"{why}, against two passes of the one-way U-Net")


def _absent() -> list[Row]:
    return [
        unknown("better than SyN on some data sets", _LOST, "LPBA40, IBSR18, CUMC12 and MGH10 are not at hand here"),
    ]
