"""What DDR-Net's paper claims (its Table 1), against what was found."""

from dataclasses import dataclass

from claims_parts import IDLE, SHAPES, Results, phase_part
from claims_rows import Row, cheaper, dearer, fewer_folds, higher, lower, missing, unknown

_PEAK = "peak of the process, less that of an idle one"
_TILE = "a step on one of four tiles, without overlap, against a step of the one-way U-Net on the whole image"
_ABLATION = "the paper's row is worse than aligned brains are before registration, so it was evaluated otherwise"


@dataclass(frozen=True)
class Costs:
    """Of a training step: DDR-Net's, the baseline's."""

    seconds: tuple[float, float]  # CPU
    memory: tuple[float, float]  # MiB


def ddrnet_rows(results: Results) -> list[Row]:
    phase_one = [row for size in SHAPES for row in (*_phase_one(results, size), _global_branch(results, size))]
    return [*phase_one, *_phase_two(results), *_accuracy(results), *_ablation(results), *_absent()]


def _costs(results: Results, what: str, size: str) -> Costs | None:
    parts = [phase_part(name, size) for name in (what, "baseline")]
    found = [results.found(part) for part in parts]
    if None in found or results.found(IDLE) is None:
        return None
    return Costs(tuple(cost.cpu_seconds for cost in found), tuple(results.memory(part) for part in parts))


def _phase_one(results: Results, size: str) -> list[Row]:
    shape = "x".join(map(str, SHAPES[size]))
    claims = (
        (f"phase one takes less time, {shape}", "0.47 (117 / 248 s an epoch)"),
        (f"phase one takes less memory, {shape}", "0.51 (4.4 / 8.6 GB)"),
    )
    costs = _costs(results, "ddrnet_local", size)
    if costs is None:
        return [missing(*claim, f"{IDLE}, phase_*_{size}") for claim in claims]
    return [cheaper(*claims[0], *costs.seconds, "CPU s", _TILE), cheaper(*claims[1], *costs.memory, "MiB", _PEAK)]


def _global_branch(results: Results, size: str) -> Row:
    shape = "x".join(map(str, SHAPES[size]))
    claim = f"(ablation) half-size images alone take more time, {shape}", "1.51 (375 / 248 s an epoch)"
    costs = _costs(results, "ddrnet_global", size)
    if costs is None:
        return missing(*claim, f"{IDLE}, phase_*_{size}")
    why = "half the size is an eighth of the U-Net's work: the paper's row cannot be of the same set-up"
    return dearer(*claim, *costs.seconds, "CPU s", why)


def _phase_two(results: Results) -> list[Row]:
    claims = (
        ("phase two takes more time", "1.85 (460 / 248 s an epoch)"),
        ("phase two takes more memory", "1.37 (11.8 / 8.6 GB)"),
    )
    costs = _costs(results, "ddrnet", "full")
    if costs is None:
        return [missing(*claim, f"{IDLE}, phase_*_full") for claim in claims]
    why = "here the frozen branches keep nothing for a backward pass; the flow is integrated at full size"
    return [dearer(*claims[0], *costs.seconds, "CPU s", why), dearer(*claims[1], *costs.memory, "MiB", why)]


def _accuracy(results: Results) -> list[Row]:
    claims = (
        ("higher Dice than VoxelMorph", "1.014 (0.73 / 0.72)"),
        ("lower RMSE than VoxelMorph", "0.90 (0.99e-3 / 1.10e-3)"),
        ("no more folds than VoxelMorph", "0.95 (48.7 / 51.4 voxels)"),
    )
    pair = results.found("judge_ddrnet"), results.found("judge_baseline")
    if None in pair:
        return [missing(*claim, "train_ddrnet*, judge_ddrnet, train_baseline, judge_baseline") for claim in claims]
    return [
        higher(*claims[0], *pair, "dice", "each of the three phases had as many steps as the baseline"),
        lower(*claims[1], *pair, "rmse", "the paper's numbers have the size of squared errors"),
        fewer_folds(*claims[2], *pair, strictly=False, note="at 4 mm, by eight determinants"),
    ]


def _ablation(results: Results) -> list[Row]:
    branches = (
        ("ddrnet_global", "the global branch alone", "7.3 (0.73 / 0.10)", "0.14 (0.99e-3 / 7.31e-3)"),
        ("ddrnet_local", "the local branch alone", "2.1 (0.73 / 0.35)", "0.17 (0.99e-3 / 5.82e-3)"),
    )
    rows = []
    for name, title, overlap, error in branches:
        claims = (f"higher Dice than {title}", overlap), (f"lower RMSE than {title}", error)
        pair = results.found("judge_ddrnet"), results.found(f"judge_{name}")
        if None in pair:
            rows += [missing(*claim, f"judge_ddrnet, judge_{name}") for claim in claims]
        else:
            rows += [higher(*claims[0], *pair, "dice", _ABLATION), lower(*claims[1], *pair, "rmse", _ABLATION)]
    return rows


def _absent() -> list[Row]:
    why = "every network gets as many steps here, so that their accuracy can be compared"
    return [
        unknown("a quarter of the training time (50 + 50 epochs against 450)", "0.23 (0.3 / 1.3 days)", why),
        unknown("inference takes longer", "1.56 (124 + 562 / 440 ms)", "on a GPU; CPU seconds: table of accuracy"),
    ]
