"""What of a subject an image shows: skull-stripped, or cut to a box, as such images come from elsewhere."""

from dataclasses import replace

import numpy as np
import SimpleITK as sitk

from sitreg_engine.foreground import foreground
from sitreg_engine.geometry import Grid
from sitreg_engine.images import Volume, from_sitk, to_sitk
from sitreg_engine.lattices import cut_out

from .settings import AugmentSettings
from .subjects import Subject


def random_views(rng: np.random.Generator, subjects: list[Subject], how: AugmentSettings) -> list[Subject]:
    """All subjects of a group stripped, all cut (each to a box of its own), or none.

    Where one has no labels nothing is done: a brain beside a whole head would teach that a skull has no counterpart.
    """
    strip, cut = rng.random(2) < (how.strip, how.crop)
    wide = rng.integers(0, 3)
    labelled = all(subject.body is not None for subject in subjects)
    found = []
    for subject in subjects:
        margins = rng.uniform(0.2, 1.0, (2, 3)) * how.crop_margin
        if strip and labelled:
            subject = stripped(subject, int(wide))
        elif cut and labelled:
            subject = cropped(subject, margins)
        found.append(subject)
    return found


def stripped(subject: Subject, wide: int) -> Subject:
    """Nothing but the labelled part, `wide` voxels more on each side; the rest is 0."""
    body = _moved(subject.body, subject.image.grid)
    if wide:
        grown = sitk.BinaryDilate(to_sitk(body.astype(np.uint8), subject.image.grid), [wide] * 3)
        body = from_sitk(grown).array.astype(bool)
    image = _only(subject.image, Volume(body, subject.image.grid))
    shown = subject.shown and _only(subject.shown, Volume(body, subject.image.grid))
    return replace(subject, image=image, shown=shown, inside=foreground(image))


def _only(image: Volume, body: Volume) -> Volume:
    return Volume(np.where(_moved(body, image.grid), image.array, np.float32(0)), image.grid)


def cropped(subject: Subject, margins: np.ndarray) -> Subject:
    """The image cut to the labelled part's box and `margins` mm (2, 3: before and after, along each axis)."""
    image = _box_of(subject.image, subject.body, margins)
    shown = subject.shown and _box_of(subject.shown, subject.body, margins)
    return replace(subject, image=image, shown=shown, inside=foreground(image))


def _box_of(volume: Volume, body: Volume, margins: np.ndarray) -> Volume:
    used = np.argwhere(_moved(body, volume.grid))
    if not len(used):
        return volume
    spacing = np.array(volume.grid.spacing)
    low = np.maximum(np.floor(used.min(axis=0) - margins[0] / spacing).astype(int), 0)
    high = np.minimum(np.ceil(used.max(axis=0) + 1 + margins[1] / spacing).astype(int), volume.grid.shape)
    box = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    return Volume(np.ascontiguousarray(volume.array[box]), cut_out(volume.grid, box))


def _moved(body: Volume, grid: Grid) -> np.ndarray:
    """The labelled part as bool (I, J, K) on the grid of an image of the same subject."""
    if body.grid == grid:
        return body.array
    moved = sitk.Resample(
        to_sitk(body.array.astype(np.uint8), body.grid),
        to_sitk(np.zeros(grid.shape, np.uint8), grid),
        sitk.Transform(),
        sitk.sitkNearestNeighbor,
    )
    return from_sitk(moved).array.astype(bool)
