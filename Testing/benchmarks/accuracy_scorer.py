"""One saved registration in numbers, computed apart from the engine: SimpleITK and numpy on the files alone."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from accuracy_folds import folded_voxels
from accuracy_labels import Distances, common_labels, dice_scores, mean_distances, read_labels
from accuracy_saved import Saved, covered, evaluated, positions, read_result, transform_of

_FEW_LABELS = 5  # with so few, distances before the registration are computed, too


@dataclass(frozen=True)
class Folds:
    """Voxels where any of the eight one-sided Jacobian determinants is not positive."""

    inside: int  # of the anatomy: labels > 0, holes filled
    inside_percent: float
    field: int  # in the whole box of the field
    field_percent: float


@dataclass(frozen=True)
class Consistency:
    """|second(first(x)) - x| at voxel centres inside the anatomy, mm."""

    mean: float
    p95: float
    most: float
    left_out: int  # voxels whose image the second field does not cover


@dataclass(frozen=True)
class Score:
    labels: int  # common to both images
    dice_before: float
    dice_affine: float  # with the affine map that fits the forward transform best (least squares in the anatomy)
    dice: float
    dice_each: list[float]
    distances: Distances
    distances_before: Distances | None  # only for few labels
    folds: Folds  # of the forward transform
    inverse_folds: Folds
    consistency: Consistency  # forward, then inverse
    inverse_consistency: Consistency


def score(fixed_labels: Path, moving_labels: Path, folder: Path) -> Score:
    """Score the files in `folder` against two label maps."""
    fixed, moving = read_labels(str(fixed_labels)), read_labels(str(moving_labels))
    saved, labels = read_result(folder), common_labels(fixed, moving)
    bodies = [_filled(image) for image in (fixed, moving)]
    warped = _warped(moving, fixed, transform_of(saved.forward))
    before = _warped(moving, fixed, sitk.Transform())
    affine = _warped(moving, fixed, affine_part(saved.forward, bodies[0]))
    each = dice_scores(fixed, warped, labels)
    return Score(
        labels=len(labels),
        dice_before=_mean(dice_scores(fixed, before, labels)),
        dice_affine=_mean(dice_scores(fixed, affine, labels)),
        dice=_mean(each),
        dice_each=each,
        distances=mean_distances(fixed, warped, labels),
        distances_before=mean_distances(fixed, before, labels) if len(labels) <= _FEW_LABELS else None,
        folds=_folds(saved.forward, bodies[0]),
        inverse_folds=_folds(saved.inverse, bodies[1]),
        consistency=consistency(saved.forward, saved.inverse, bodies[0]),
        inverse_consistency=consistency(saved.inverse, saved.forward, bodies[1]),
    )


def _mean(values: list[float]) -> float:
    return float(np.mean(values))


def _filled(labels: sitk.Image) -> sitk.Image:
    """The anatomy: labels > 0 with holes filled, uint8."""
    return sitk.BinaryFillhole(labels != 0)


def _warped(labels: sitk.Image, onto: sitk.Image, transform: sitk.Transform) -> sitk.Image:
    return sitk.Resample(labels, onto, transform, sitk.sitkNearestNeighbor, 0)


def _folds(field: sitk.Image, body: sitk.Image) -> Folds:
    folded = folded_voxels(field)
    reference = sitk.VectorIndexSelectionCast(field, 0)
    inside = sitk.GetArrayFromImage(sitk.Resample(body, reference, sitk.Transform(), sitk.sitkNearestNeighbor, 0)) > 0
    count, total = int(np.count_nonzero(folded & inside)), int(np.count_nonzero(inside))
    return Folds(count, 100 * count / max(total, 1), int(folded.sum()), 100 * float(folded.mean()))


def consistency(there: sitk.Image, back: sitk.Image, body: sitk.Image) -> Consistency:
    """|back(there(x)) - x| over the voxels of `body`, by ITK's evaluation of the two fields."""
    cut = _cut(body)
    inside = sitk.GetArrayViewFromImage(cut) > 0
    points = positions(cut)[inside]
    landed = points + evaluated(transform_of(there), cut)[inside]
    # ITK's composite applies the transform that was added last first.
    both = sitk.CompositeTransform([transform_of(back), transform_of(there)])
    errors = np.linalg.norm(evaluated(both, cut)[inside], axis=-1)
    seen = covered(points, there) & (covered(landed, back) | np.isnan(landed).any(axis=-1))
    left_out = int(np.count_nonzero(~seen))
    if not seen.any():
        return Consistency(*(float("nan"),) * 3, left_out)
    errors = errors[seen]
    return Consistency(float(errors.mean()), float(np.percentile(errors, 95)), float(errors.max()), left_out)


def affine_part(field: sitk.Image, body: sitk.Image) -> sitk.AffineTransform:
    """The affine map nearest to the field in the mean square over the voxels of `body`."""
    cut = _cut(body)
    inside = sitk.GetArrayViewFromImage(cut) > 0
    points = positions(cut)[inside][::7]  # every seventh voxel fixes 12 numbers well enough
    landed = points + evaluated(transform_of(field), cut)[inside][::7]
    known = np.column_stack([points, np.ones(len(points))])
    solution = np.linalg.lstsq(known, landed, rcond=None)[0]  # (4, 3)
    return sitk.AffineTransform(solution[:3].T.ravel().tolist(), solution[3].tolist())


def _cut(body: sitk.Image) -> sitk.Image:
    """The part of a binary image around its voxels."""
    shapes = sitk.LabelShapeStatisticsImageFilter()
    shapes.ComputePerimeterOff()
    shapes.Execute(body)
    box = shapes.GetBoundingBox(1)
    return sitk.RegionOfInterest(body, box[3:], box[:3])


def engine_disagreement(found: Score, saved: Saved) -> dict[str, float]:
    """Largest differences between these numbers and the engine's own in result.json, where it has them."""
    own = {m["name"]: m["value"] for m in saved.record["measures"]}
    pairs = {
        "dice_mean": found.dice,
        "hd95_mean": found.distances.hd95,
        "forward_folds": found.folds.field,
        "inverse_folds": found.inverse_folds.field,
    }
    return {name: abs(value - own[name]) for name, value in pairs.items() if own.get(name) is not None}
