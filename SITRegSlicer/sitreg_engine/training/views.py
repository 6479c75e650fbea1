"""Subjects in a common space -> tensors on one working grid, by the same functions as at inference."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from sitreg_engine.geometry import Grid
from sitreg_engine.images import Volume
from sitreg_engine.prepare.layout import extent_of
from sitreg_engine.prepare.normalise import robust_range
from sitreg_engine.prepare.resample import field_of_view, mask_on_grid, resample, voxel_map

from .subjects import Subject


@dataclass(frozen=True)
class View:
    """One image on the working grid; all (1, 1, I, J, K)."""

    image: Tensor  # float32, normalised: what the network sees
    target: Tensor  # what losses compare: the same without changed intensities
    seen: Tensor  # 1 in the image's field of view, else 0
    labels: Tensor | None  # int32
    mask: Tensor | None  # 0..1


@dataclass(frozen=True)
class Group:
    """Two or three images on one grid, to be registered with each other."""

    views: tuple[View, ...]
    spacing: float  # mm
    taught: tuple[Tensor, Tensor] | None = None  # of a pair: (f12, f21), (1, 3, I, J, K) in voxels, of a teacher


def make_group(subjects: Sequence[Subject], poses: Sequence[np.ndarray], spacing: float) -> Group:
    """Each subject through its pose (4x4, common mm -> image LPS mm) on the grid that `make_pair` would choose."""
    grid = extent_of([subject.scan for subject in subjects], poses).grid(spacing)
    return Group(tuple(_view(s, grid, pose) for s, pose in zip(subjects, poses, strict=True)), spacing)


def _view(subject: Subject, grid: Grid, pose: np.ndarray) -> View:
    target, seen = _image(subject.image, subject, grid, pose)
    image = target if subject.shown is None else _image(subject.shown, subject, grid, pose)[0]
    labels = None if subject.labels is None else nearest(subject.labels, grid, pose)
    return View(image, target, seen, labels, None if subject.mask is None else mask_on_grid(subject.mask, grid, pose))


def _image(image: Volume, subject: Subject, grid: Grid, pose: np.ndarray) -> tuple[Tensor, Tensor]:
    """Normalised values, and where the field of view is."""
    seen = field_of_view(image.grid, grid, pose)
    return resample(robust_range(image, subject.inside), image.grid, grid, pose) * seen, seen


def nearest(labels: Volume, grid: Grid, pose: np.ndarray) -> Tensor:
    """Label ids (1, 1, I, J, K) int32 at the nearest voxels, 0 beyond the label map."""
    matrix = voxel_map(labels.grid, grid, pose)
    axes = [np.arange(n, dtype=np.float64) for n in grid.shape]
    flat, inside = np.zeros(grid.shape, np.int64), np.ones(grid.shape, bool)
    for row, size in zip(matrix[:3], labels.grid.shape, strict=True):
        place = (row[0] * axes[0] + row[3])[:, None, None] + (row[1] * axes[1])[:, None] + row[2] * axes[2]
        index = np.rint(place).astype(np.int64)
        inside &= (index >= 0) & (index < size)
        flat = flat * size + index.clip(0, size - 1)
    found = np.where(inside, labels.array.ravel()[flat], 0)
    return torch.from_numpy(found.astype(np.int32))[None, None]
