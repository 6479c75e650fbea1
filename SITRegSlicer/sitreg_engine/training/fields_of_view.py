"""What of a subject an image shows: skull-stripped, or cut to a box, as such images come from elsewhere."""

from dataclasses import replace

import numpy as np
import SimpleITK as sitk

from sitreg_engine.foreground import foreground
from sitreg_engine.geometry import Grid, apply
from sitreg_engine.images import Volume, from_sitk, to_sitk

from .settings import AugmentSettings
from .subjects import Subject


def random_views(rng: np.random.Generator, subjects: list[Subject], how: AugmentSettings) -> list[Subject]:
    """All subjects of a group stripped or none; each one's field of view cut or not. Without labels nothing is."""
    strip = rng.random() < how.strip
    wide = rng.integers(0, 3)
    found = []
    for subject in subjects:
        cut, margins = rng.random() < how.crop, rng.uniform(0.2, 1.0, (2, 3)) * how.crop_margin
        if strip and subject.body is not None:
            subject = stripped(subject, int(wide))
        elif cut and subject.body is not None:
            subject = cropped(subject, margins)
        found.append(subject)
    return found


def stripped(subject: Subject, wide: int) -> Subject:
    """Nothing but the labelled part, `wide` voxels more on each side; the rest is 0."""
    body = _on_image(subject)
    if wide:
        grown = sitk.BinaryDilate(to_sitk(body.astype(np.uint8), subject.image.grid), [wide] * 3)
        body = from_sitk(grown).array.astype(bool)
    image = Volume(np.where(body, subject.image.array, np.float32(0)), subject.image.grid)
    return replace(subject, image=image, inside=foreground(image))


def cropped(subject: Subject, margins: np.ndarray) -> Subject:
    """The image cut to the labelled part's box and `margins` mm (2, 3: before and after, along each axis)."""
    used = np.argwhere(_on_image(subject))
    spacing = np.array(subject.image.grid.spacing)
    low = np.maximum(np.floor(used.min(axis=0) - margins[0] / spacing).astype(int), 0)
    high = np.minimum(np.ceil(used.max(axis=0) + 1 + margins[1] / spacing).astype(int), subject.image.grid.shape)
    image = _box_of(subject.image, low, high)
    return replace(subject, image=image, inside=foreground(image))


def _box_of(volume: Volume, low: np.ndarray, high: np.ndarray) -> Volume:
    part = np.ascontiguousarray(volume.array[tuple(slice(a, b) for a, b in zip(low, high, strict=True))])
    origin = tuple(map(float, apply(volume.grid.voxel_to_world, low)))
    return Volume(part, Grid(part.shape, volume.grid.spacing, origin, volume.grid.direction))


def _on_image(subject: Subject) -> np.ndarray:
    """The labelled part as bool on the image's grid."""
    body, image = subject.body, subject.image
    if body.grid == image.grid:
        return body.array
    moved = sitk.Resample(
        to_sitk(body.array.astype(np.uint8), body.grid),
        to_sitk(np.zeros(image.grid.shape, np.uint8), image.grid),
        sitk.Transform(),
        sitk.sitkNearestNeighbor,
    )
    return from_sitk(moved).array.astype(bool)
