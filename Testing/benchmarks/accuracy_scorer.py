"""One saved registration in numbers, computed apart from the engine: SimpleITK and numpy on the files alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from accuracy_folds import determinants, folded_voxels
from accuracy_labels import Distances, box_of, common_labels, dice_scores, mean_distances, read_labels
from accuracy_saved import Map, evaluated, positions, read_saved, seen


@dataclass(frozen=True)
class Folds:
    """Voxels of a field where any of the eight one-sided Jacobian determinants is not positive."""

    inside: int  # of the anatomy: labels > 0, holes filled
    percent: float


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
    dice: float  # mean over labels
    dice_each: tuple[float, ...]
    distances: Distances
    folds: Folds  # of the forward transform
    inverse_folds: Folds
    std_log_jacobian: float  # of the forward transform inside the anatomy, by central differences, without folds
    consistency: Consistency  # forward, then inverse
    inverse_consistency: Consistency


@dataclass(frozen=True)
class Question:
    """What `score` is asked; all that is needed, so that it can be sent to another process."""

    fixed_labels: Path
    moving_labels: Path
    folder: Path  # of the saved files
    affine: Path | None  # the common start that the saved fields stand upon; None when they are whole


def score(question: Question) -> Score:
    """Score the files in a folder against two label maps. Raises FileNotFoundError when files are missing."""
    fixed, moving = read_labels(str(question.fixed_labels)), read_labels(str(question.moving_labels))
    saved, labels = read_saved(question.folder, question.affine), common_labels(fixed, moving)
    bodies = [sitk.BinaryFillhole(image != 0) for image in (fixed, moving)]
    warped = sitk.Resample(moving, fixed, saved.forward.transform(), sitk.sitkNearestNeighbor, 0)
    each = dice_scores(fixed, warped, labels)
    forward, inverse = (_inside(m, body) for m, body in zip((saved.forward, saved.inverse), bodies, strict=True))
    return Score(
        labels=len(labels),
        dice=float(np.mean(each)),
        dice_each=tuple(each),
        distances=mean_distances(fixed, warped, labels),
        folds=_folds(*forward),
        inverse_folds=_folds(*inverse),
        std_log_jacobian=_spread(*forward),
        consistency=consistency(saved.forward, saved.inverse, bodies[0]),
        inverse_consistency=consistency(saved.inverse, saved.forward, bodies[1]),
    )


def _inside(by: Map, body: sitk.Image) -> tuple[sitk.Image, np.ndarray]:
    """The part of a map's field around the anatomy, and which of its voxels (K, J, I) lie in it."""
    reference = sitk.VectorIndexSelectionCast(by.field, 0)
    there = sitk.Resample(body, reference, by.before.GetInverse(), sitk.sitkNearestNeighbor, 0)
    first, size = box_of(there)
    low = np.maximum(first - 1, 0)
    extent = (np.minimum(first + size + 1, there.GetSize()) - low).tolist()
    field, part = (sitk.RegionOfInterest(image, extent, low.tolist()) for image in (by.field, there))
    return field, sitk.GetArrayFromImage(part) > 0


def _folds(field: sitk.Image, inside: np.ndarray) -> Folds:
    count = int(np.count_nonzero(folded_voxels(field) & inside))
    return Folds(count, 100 * count / np.count_nonzero(inside))


def _spread(field: sitk.Image, inside: np.ndarray) -> float:
    """Standard deviation of the logarithm of the Jacobian determinant. An affine before or after does not change it."""
    found = determinants(field)[inside]
    return float(np.log(found[found > 0]).std())


def consistency(there: Map, back: Map, body: sitk.Image) -> Consistency:
    """|back(there(x)) - x| over the voxels of `body`, by ITK's evaluation of the two maps."""
    cut = _cut(body, box_of(body))
    inside = sitk.GetArrayViewFromImage(cut) > 0
    points = positions(cut)[inside]
    landed = points + evaluated(there.transform(), cut)[inside]
    both = sitk.CompositeTransform([back.transform(), there.transform()])
    errors = np.linalg.norm(evaluated(both, cut)[inside], axis=-1)
    known = seen(points, there) & seen(landed, back)
    left_out = int(np.count_nonzero(~known))
    if left_out == len(known):
        return Consistency(*(float("nan"),) * 3, left_out)
    errors = errors[known]
    return Consistency(float(errors.mean()), float(np.percentile(errors, 95)), float(errors.max()), left_out)


def _cut(image: sitk.Image, box: Sequence[np.ndarray]) -> sitk.Image:
    low, size = box
    return sitk.RegionOfInterest(image, size.tolist(), low.tolist())
