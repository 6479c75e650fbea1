"""How well two label maps on one grid agree: Dice, surface distances and volumes, label by label."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from sitreg_engine.contract import Measure
from sitreg_engine.errors import InputError
from sitreg_engine.geometry import Grid
from sitreg_engine.lattices import Box, in_slabs
from sitreg_engine.parallel import in_parallel

from .surfaces import surface_distances

_NAN = float("nan")
_UNCHECKED_LABELS = 16
_LARGEST_COUNTED = 2**20  # label values up to here are counted by position, larger or negative ones by sorting


@dataclass(frozen=True)
class LabelOverlap:
    """One label on the fixed image against the same label brought there."""

    label: int
    dice: float  # 0..1; NaN when the label is in neither map
    hd95: float  # mm; NaN when the label is missing in one of the maps
    mean_distance: float  # mm, average symmetric surface distance; NaN as above
    fixed_ml: float
    warped_ml: float
    reason: str  # why a value is NaN; empty when none is


def common_labels(first: np.ndarray, second: np.ndarray) -> list[int]:
    """The labels other than 0 that both maps contain, ascending. The maps may have different shapes."""
    return sorted((_counts(first).keys() & _counts(second).keys()) - {0})


def dice(fixed: np.ndarray, warped: np.ndarray, labels: Sequence[int]) -> np.ndarray:
    """2 |A and B| / (|A| + |B|) of each label, shape (len(labels),); NaN for a label in neither map."""
    _same_shape(fixed, warped)
    first, second, both = _counts(fixed), _counts(warped), _counts(fixed, warped)
    sizes = [first.get(label, 0) + second.get(label, 0) for label in labels]
    return np.array([2 * both.get(n, 0) / size if size else _NAN for n, size in zip(labels, sizes, strict=True)])


def label_overlaps(
    fixed: np.ndarray,
    warped: np.ndarray,
    grid: Grid,
    labels: Sequence[int],
    check: Callable[[], None] = lambda: None,
) -> list[LabelOverlap]:
    """Dice, HD95, mean surface distance and volumes of each label of two maps (I, J, K) on one grid.

    `check` is called now and then, and may raise to stop. Raises InputError when the maps' shapes differ.
    """
    scores = dict(zip(labels, dice(fixed, warped, labels).tolist(), strict=True))
    first, second = _boxes(fixed, labels), _boxes(warped, labels)

    def one(label: int) -> LabelOverlap:
        return _overlap(label, scores[label], fixed, warped, grid, first.get(label), second.get(label))

    found = []
    for start in range(0, len(labels), _UNCHECKED_LABELS):
        found += in_parallel(one, labels[start : start + _UNCHECKED_LABELS])
        check()
    return found


def _overlap(
    label: int, score: float, fixed: np.ndarray, warped: np.ndarray, grid: Grid, first: Box | None, second: Box | None
) -> LabelOverlap:
    fixed_ml = _millilitres(fixed, label, first, grid)
    warped_ml = _millilitres(warped, label, second, grid)
    if first is None or second is None:
        where = {(True, True): "both images", (True, False): "the fixed image"}.get(
            (first is None, second is None), "the warped image"
        )
        return LabelOverlap(label, score, _NAN, _NAN, fixed_ml, warped_ml, f"label {label} is missing in {where}")
    box = tuple(slice(min(a.start, b.start), max(a.stop, b.stop)) for a, b in zip(first, second, strict=True))
    found = surface_distances(fixed[box] == label, warped[box] == label, grid.spacing)
    return LabelOverlap(label, score, found.hd95, found.mean, fixed_ml, warped_ml, "")


def overlap_measures(
    overlaps: Sequence[LabelOverlap], dice_before: np.ndarray | None = None, dice_aligned: np.ndarray | None = None
) -> list[Measure]:
    """Means over the labels, then Dice, HD95 and volume change of each.

    `dice_before`, `dice_aligned`: each label's Dice as the images were given and after the affine alone, in the
    order of `overlaps`.
    """
    count = f"over {len(overlaps)} labels"
    result = []
    if dice_before is not None:
        result.append(Measure("dice_mean_before", f"Mean Dice {count} before registration", _mean(dice_before), ""))
    if dice_aligned is not None:
        result.append(Measure("dice_mean_aligned", f"Mean Dice {count} after alignment", _mean(dice_aligned), ""))
    result += [
        Measure("dice_mean", f"Mean Dice {count}", _mean([o.dice for o in overlaps]), ""),
        Measure("hd95_mean", _with_missing(f"Mean HD95 {count}", overlaps), _mean([o.hd95 for o in overlaps]), "mm"),
        Measure(
            "surface_distance_mean",
            _with_missing(f"Mean surface distance {count}", overlaps),
            _mean([o.mean_distance for o in overlaps]),
            "mm",
        ),
    ]
    return result + [measure for overlap in overlaps for measure in _measures_of(overlap)]


def _measures_of(overlap: LabelOverlap) -> list[Measure]:
    label, why = overlap.label, f" ({overlap.reason})" if overlap.reason else ""
    change = 100 * (overlap.warped_ml / overlap.fixed_ml - 1) if overlap.fixed_ml else _NAN
    return [
        Measure(f"dice_{label}", f"Dice of label {label}{why}", overlap.dice, ""),
        Measure(f"hd95_{label}", f"95 % Hausdorff distance of label {label}{why}", overlap.hd95, "mm"),
        Measure(f"volume_difference_{label}", f"Warped against fixed volume of label {label}{why}", change, "%"),
    ]


def _with_missing(text: str, overlaps: Sequence[LabelOverlap]) -> str:
    missing = sum(bool(o.reason) for o in overlaps)
    return f"{text}, {missing} of them missing in an image and left out" if missing else text


def _mean(values: Sequence[float]) -> float:
    """Mean of what is not NaN; NaN when nothing is left."""
    kept = np.asarray(values, dtype=float)
    kept = kept[~np.isnan(kept)]
    return float(kept.mean()) if kept.size else _NAN


def _counts(labels: np.ndarray, other: np.ndarray | None = None) -> dict[int, int]:
    """Voxels of every label in an array of integers (any shape), 0 included; with `other`, of those equal to it."""
    if labels.size == 0:
        return {}
    if labels.dtype.kind not in "iub":
        raise InputError(f"A label map is an array of integers, this one is {labels.dtype}; convert it first.")
    high = int(labels.max())
    if labels.min() < 0 or high > _LARGEST_COUNTED:
        values, counts = np.unique(labels if other is None else labels[labels == other], return_counts=True)
        return dict(zip(values.tolist(), counts.tolist(), strict=True))
    flat = labels.reshape(-1)
    equal = None if other is None else other.reshape(-1)

    def count(part: slice) -> np.ndarray:
        chosen = flat[part] if equal is None else flat[part][flat[part] == equal[part]]
        return np.bincount(chosen.astype(np.intp, copy=False), minlength=high + 1)  # older numpy refuses uint64

    counts = sum(in_slabs(count, (flat.size, 1, 1), voxels=max(2**18, 8 * high)))
    return {int(value): int(counts[value]) for value in np.flatnonzero(counts)}


def _boxes(labels: np.ndarray, wanted: Sequence[int]) -> dict[int, Box]:
    """The smallest box around each wanted label that is there."""
    indices = np.flatnonzero(np.isin(labels, list(wanted)))
    if not indices.size:
        return {}
    found = labels.ravel()[indices]
    order = np.argsort(found, kind="stable")
    values, starts = np.unique(found[order], return_index=True)
    axes = [axis[order] for axis in np.unravel_index(indices, labels.shape)]
    low = [np.minimum.reduceat(axis, starts) for axis in axes]
    high = [np.maximum.reduceat(axis, starts) + 1 for axis in axes]
    return {
        int(value): tuple(slice(int(low[a][n]), int(high[a][n])) for a in range(3)) for n, value in enumerate(values)
    }


def _millilitres(labels: np.ndarray, label: int, box: Box | None, grid: Grid) -> float:
    if box is None:
        return 0.0
    return int(np.count_nonzero(labels[box] == label)) * grid.voxel_volume / 1000


def _same_shape(first: np.ndarray, second: np.ndarray) -> None:
    if first.shape != second.shape:
        raise InputError(f"Label maps are compared on one grid, but their shapes are {first.shape} and {second.shape}.")
