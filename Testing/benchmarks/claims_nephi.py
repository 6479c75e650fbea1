"""What NePhi's paper claims, against what was found; its tables could not be obtained, its curves were read off."""

from claims_costs import FITTING
from claims_parts import FAR_SIDE, IDLE, SIDES, Results, memory_part
from claims_rows import FAILS, HOLDS, MISSING, Row, cheaper, hardly_folds, higher, level, lower, missing, unknown
from claims_table import table

_LARGEST = SIDES[-1]
_GIB = 1024.0
_VOXEL = "peak of the process, less that of an idle one; the voxel network is the one-way U-Net, theirs was GradICON's"


def nephi_rows(results: Results) -> list[Row]:
    return [*_memory(results), _growth(results), *_accuracy(results), _folds(results), *_absent()]


def _memory(results: Results) -> list[Row]:
    claim = f"takes less memory than training a voxel network, {_LARGEST}^3"
    voxel, rows = results.memory(memory_part("baseline", _LARGEST)), []
    for what, task, paper in (
        ("nephi", "training", "0.43 (2.0 / 4.7 GB, 160^3)"),
        (FITTING, "instance optimisation", "0.40 (1.9 / 4.7 GB, 160^3)"),
    ):
        own = results.memory(memory_part(what, _LARGEST))
        if own is None or voxel is None:
            rows.append(missing(f"{task} {claim}", paper, f"{IDLE}, memory_*_{_LARGEST}"))
        else:
            rows.append(cheaper(f"{task} {claim}", paper, own, voxel, "MiB", _VOXEL))
    return rows


def _growth(results: Results) -> Row:
    claim = f"beyond, the memory of instance optimisation hardly grows: {_LARGEST}^3 to {FAR_SIDE}^3"
    paper = "1.24 (2.35 / 1.9 GB), a voxel network 3.3"
    before, after = (results.memory(memory_part(FITTING, side)) for side in (_LARGEST, FAR_SIDE))
    if before is None or after is None:
        return missing(claim, paper, f"{IDLE}, memory_{FITTING}_*")
    grown, voxels = after / before, (FAR_SIDE / _LARGEST) ** 3
    why = f"{voxels:.1f} times the voxels; holds below the square root of that; images and what is made of them grow"
    ours = f"{grown:.2f} ({after:.0f} / {before:.0f} MiB)"
    return Row(claim, paper, ours, HOLDS if grown < voxels**0.5 else FAILS, why)


def _accuracy(results: Results) -> list[Row]:
    claims = (
        ("instance optimisation adds accuracy", "1.6 (score 0.70 / 0.43, figure)"),
        ("optimised on the pair, it is level with a voxel network", "0.96 (score 0.70 / 0.73 of GradICON, figure)"),
        ("the prediction alone is less accurate than a voxel network", "0.70 (score 0.43 / 0.61, figure)"),
    )
    parts = "judge_nephi_fitted", "judge_nephi", "judge_baseline"
    fitted, predicted, baseline = (results.found(part) for part in parts)
    if None in (fitted, predicted, baseline):
        return [missing(*claim, f"train_nephi, train_baseline, {', '.join(parts)}") for claim in claims]
    score = "the paper's score is scaled, not Dice"
    seconds = f"{fitted.mean('cpu_seconds'):.0f} CPU seconds a pair; {score}"
    return [
        higher(*claims[0], fitted, predicted, "dice", seconds),
        level(*claims[1], fitted, baseline, f"the baseline is not optimised on the pair; {score}"),
        lower(*claims[2], predicted, baseline, "dice", score),
    ]


def _folds(results: Results) -> Row:
    claim = "approximately diffeomorphic, hardly any folds", "regularity 0.97 of 1, as GradICON (figure)"
    found = results.found("judge_nephi_fitted")
    if found is None:
        return missing(*claim, "judge_nephi_fitted")
    note = f"optimised on the pair; the maps miss being inverses by {found.mean('inverse_error'):.3f} mm"
    return hardly_folds(*claim, found, note)


def _absent() -> list[Row]:
    return [
        unknown(
            "state of the art with a fifth of the memory, multi-resolution and optimised",
            "0.2",
            "needs GradICON as a frozen coarse aligner; its code for that was not published",
        ),
        unknown("memory at 320^3", "0.10 (3.8 / 36.9 GB)", "that voxel network fits no such machine; curve below"),
        unknown("slower than GradICON when optimised", "score 0.19 / 0.30", "the score's scale is not known"),
    ]


def curve(results: Results) -> str:
    """Peak memory against the side, GiB above an idle process."""
    head = ("side, voxels", "voxel network", "NePhi, training", "NePhi, optimisation", "training / voxel network")
    return table((*head, "optimisation / voxel network"), [_point(results, side) for side in (*SIDES, FAR_SIDE)], 0)


def _point(results: Results, side: int) -> list[str]:
    voxel = results.memory(memory_part("baseline", side)) if side in SIDES else None
    own = [results.memory(memory_part(what, side)) for what in ("nephi", FITTING)]
    shown = [MISSING if value is None else f"{value / _GIB:.2f}" for value in (voxel, *own)]
    ratios = ["" if value is None or voxel is None else f"{value / voxel:.2f}" for value in own]
    return [str(side), *(shown if side in SIDES else ["not run", *shown[1:]]), *ratios]
