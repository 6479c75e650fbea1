"""Overlap of label images by SimpleITK's own filters."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk


@dataclass(frozen=True)
class Distances:
    """Means over labels, mm."""

    hd95: float
    surface: float  # average symmetric surface distance
    missing: int  # labels that one of the images lacks, left out of the means


def read_labels(path: str) -> sitk.Image:
    """A label image as int32 (some label maps are stored as floats)."""
    return sitk.Cast(sitk.ReadImage(path), sitk.sitkInt32)


def common_labels(first: sitk.Image, second: sitk.Image) -> list[int]:
    """Labels other than 0 that both images contain."""
    return sorted(set(_shapes(first).GetLabels()) & set(_shapes(second).GetLabels()))


def box_of(binary: sitk.Image) -> tuple[np.ndarray, np.ndarray]:
    """First voxel and size (i, j, k) of the box around what is not 0. Raises ValueError when there is nothing."""
    shapes = _shapes(binary)
    if 1 not in shapes.GetLabels():
        raise ValueError("A box was wanted around labelled anatomy, but nothing is labelled.")
    box = np.array(shapes.GetBoundingBox(1))
    return box[:3], box[3:]


def dice_scores(fixed: sitk.Image, warped: sitk.Image, labels: Sequence[int]) -> list[float]:
    """Dice of each label."""
    measures = sitk.LabelOverlapMeasuresImageFilter()
    measures.Execute(fixed, warped)
    return [measures.GetDiceCoefficient(label) for label in labels]


def mean_distances(fixed: sitk.Image, warped: sitk.Image, labels: Sequence[int]) -> Distances:
    """Mean HD95 (larger of the two directions' 95th percentiles) and mean surface distance."""
    shapes = _shapes(fixed), _shapes(warped)
    present = [n for n in labels if all(n in s.GetLabels() for s in shapes)]
    found = [_distances_of(fixed, warped, n, _box(shapes, n, fixed.GetSize())) for n in present]
    hd95, surface = np.mean(found, axis=0) if found else (float("nan"),) * 2
    return Distances(float(hd95), float(surface), len(labels) - len(present))


def _shapes(labels: sitk.Image) -> sitk.LabelShapeStatisticsImageFilter:
    shapes = sitk.LabelShapeStatisticsImageFilter()
    shapes.ComputePerimeterOff()
    shapes.Execute(labels)
    return shapes


def _box(shapes, label: int, size: Sequence[int]) -> tuple[list[int], list[int]]:
    """Start and size of the box around the label in both images, one voxel wider where there is room."""
    boxes = np.array([s.GetBoundingBox(label) for s in shapes])  # (2, 6): start, size
    low = np.maximum(boxes[:, :3].min(axis=0) - 1, 0)
    high = np.minimum((boxes[:, :3] + boxes[:, 3:]).max(axis=0) + 1, size)
    return low.tolist(), (high - low).tolist()


def _distances_of(fixed: sitk.Image, warped: sitk.Image, label: int, box) -> tuple[float, float]:
    start, size = box
    contours = []
    for image in (fixed, warped):
        part = sitk.RegionOfInterest(image, size, start) == label
        padded = sitk.ConstantPad(part, [1, 1, 1], [1, 1, 1], 0)  # what touches the image's edge has a surface there
        contours.append(sitk.BinaryContour(padded, fullyConnected=False))
    maps = [sitk.Abs(sitk.SignedMaurerDistanceMap(c, squaredDistance=False, useImageSpacing=True)) for c in contours]
    on = [sitk.GetArrayViewFromImage(c) > 0 for c in contours]
    there, back = (sitk.GetArrayViewFromImage(maps[1 - n])[on[n]] for n in (0, 1))
    hd95 = max(np.percentile(there, 95), np.percentile(back, 95))
    return float(hd95), float(np.concatenate([there, back]).mean())
