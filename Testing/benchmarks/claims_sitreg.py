"""What SITReg's paper claims (Honkamaa & Marttinen, MELBA 2024), against what was found."""

import statistics
from collections import Counter

from claims_judge import Judged
from claims_parts import Results
from claims_rows import (
    FAILS,
    HOLDS,
    MISSING,
    UNKNOWN,
    Row,
    difference,
    gain,
    hardly_folds,
    missing,
    ratio,
    too_young,
    unknown,
)
from claims_table import table

_OTHERS = ("baseline", "snet", "ddrnet", "nephi")
_HANDFUL = 5  # evaluations
_SAME = 1e-6  # voxel; on a CPU both orders are computed alike
_TENTH = 0.1


def sitreg_rows(results: Results) -> list[Row]:
    consistent = (_swapped(results), _inverse(results))
    return [_accuracy(results), _folds(results), *consistent, _kept(results), _iterations(results), *_absent()]


def _accuracy(results: Results) -> Row:
    claim = "more accurate than all others", "1.10 (0.785 / 0.714 of VoxelMorph, LUMIR challenge)"
    found = {name: results.found(f"judge_{name}") for name in ("sitreg", *_OTHERS)}
    if None in found.values():
        return missing(*claim, ", ".join(f"judge_{name}" for name, method in found.items() if method is None))
    sitreg, baseline = found["sitreg"], found["baseline"]
    ours = f"{ratio(sitreg.mean('dice'), baseline.mean('dice')):.3f} of the one-way U-Net"
    if reason := too_young(list(found.values())):
        return Row(*claim, ours, UNKNOWN, reason)
    apart = {name: difference(sitreg, found[name], "dice") for name in _OTHERS}
    verdict = HOLDS if all(value.is_positive for value in apart.values()) else FAILS
    told = ", ".join(f"{value} against {name}" for name, value in apart.items())
    return Row(*claim, ours, verdict, f"Dice {told}; above the affine start: {_gains(found)}")


def _gains(found: dict[str, Judged]) -> str:
    return ", ".join(f"{name} {gain(method):.3f}" for name, method in found.items())


def _folds(results: Results) -> Row:
    claim = "zero or nearly zero folds", "0.002 (NDV 0.0025 / 1.2167 % of VoxelMorph, LUMIR challenge)"
    found, baseline = results.found("judge_sitreg"), results.found("judge_baseline")
    if found is None or baseline is None:
        return missing(*claim, "judge_sitreg, judge_baseline")
    share = baseline.mean("folded_percent")
    return hardly_folds(*claim, found, f"the one-way U-Net has {share:.4f} %; NDV is a volume, here voxels are counted")


def _swapped(results: Results) -> Row:
    claim = "swapping the images swaps the maps", "exactly, by construction"
    found = results.found("judge_sitreg")
    if found is None:
        return missing(*claim, "judge_sitreg")
    most = found.values("swapped_voxels").max()
    why = "largest difference of a map to the swapped pair's inverse one, all voxels of all pairs"
    return Row(*claim, f"{most:.2g} voxel", HOLDS if most <= _SAME else FAILS, why)


def _inverse(results: Results) -> Row:
    claim = "the maps of both orders are inverses of each other", "by construction, up to sampling"
    found, baseline = results.found("judge_sitreg"), results.found("judge_baseline")
    if found is None or baseline is None:
        return missing(*claim, "judge_sitreg, judge_baseline")
    own, other = (method.mean("cycle_error") for method in (found, baseline))
    ours = f"{ratio(own, other):.4f} ({own:.4f} / {other:.4f} mm)"
    if reason := too_young((found, baseline)):
        return Row(*claim, ours, UNKNOWN, f"{reason}; maps that hardly move agree anyway")
    why = "mean error of going there and back, against the one-way U-Net; holds below a tenth of it"
    return Row(*claim, ours, HOLDS if own < _TENTH * other else FAILS, why)


def _kept(results: Results) -> Row:
    claim = "inversion keeps one field for the backward pass, a 7-step SVF fourteen", "0.071 (1 / 14)"
    found = results.found("saved_fields")
    if found is None:
        return missing(*claim, "saved_fields")
    ours = f"{ratio(found.inversion, found.squaring):.3f} ({found.inversion:.1f} / {found.squaring:.1f})"
    why = (
        "what autograd saves, counted; the given field does not count, and torch's own sampler is used. "
        f"With the engine's sampler the SVF keeps {found.own_squaring:.1f}"
    )
    return Row(*claim, ours, HOLDS if found.inversion < 1.5 and found.squaring > 13.5 else FAILS, why)


def _iterations(results: Results) -> Row:
    claim = "a handful of iterations to 0.01 voxel", "histogram in Figure 5, its numbers are not at hand"
    found, network = results.found("evaluations"), results.found("judge_sitreg")
    if found is None or network is None:
        return missing(*claim, "train_sitreg, judge_sitreg, evaluations")
    median, most = statistics.median(found.counts), max(found.counts)
    if reason := too_young((network,)):
        return Row(*claim, f"median {median:g}, at most {most}", UNKNOWN, f"{reason}; small updates are easy to invert")
    why = f"{len(found.counts)} inversions to {found.tolerance:g} voxel; a handful is a median of at most {_HANDFUL}"
    return Row(*claim, f"median {median:g}, at most {most}", HOLDS if median <= _HANDFUL else FAILS, why)


def _absent() -> list[Row]:
    return [
        unknown("0.37 s and 3.4 GB a pair", "absolute", "of the authors' GPU; README has our seconds and memory"),
        unknown("best HD95 and TRE", "not at hand", "none of the paper's 17 tables could be obtained"),
    ]


def histogram(results: Results) -> str:
    """Inversions by the number of their evaluations, as in the paper's Figure 5."""
    found = results.found("evaluations")
    if found is None:
        return f"Evaluations of each inversion: {MISSING}."
    counts, span = Counter(found.counts), range(min(found.counts), max(found.counts) + 1)
    return table(["evaluations", *map(str, span)], [["inversions", *(str(counts[number]) for number in span)]])
