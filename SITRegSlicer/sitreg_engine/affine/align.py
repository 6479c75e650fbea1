"""The affine that brings two images together before the deformation: the recipe."""

from dataclasses import dataclass, field, replace

import numpy as np

from sitreg_engine.contract import Measure
from sitreg_engine.foreground import foreground, mask_foreground, shrunk
from sitreg_engine.images import Volume
from sitreg_engine.progress import Reporter
from sitreg_engine.study import canonical, study_frame

from .levels import Level, histogram_window, make_level
from .matrices import AFFINE, RIGID
from .objective import Centring, Pair
from .search import Pyramid, search

COUNTS = (4000, 12000, 30000)  # sampling points per image at the three resolutions


@dataclass(frozen=True)
class Alignment:
    """Where the moving image belongs, before any deformation."""

    matrix: np.ndarray  # 4x4, fixed LPS mm -> moving LPS mm
    kind: str  # "affine", "rigid", "identity" or "file"
    measures: list[Measure] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def align(
    fixed: Volume,
    moving: Volume,
    choice: str,
    fixed_mask: Volume | None,
    moving_mask: Volume | None,
    reporter: Reporter,
) -> Alignment:
    """The alignment of `moving` to `fixed`: `choice` is "auto" (affine), "rigid", "none" or an ITK transform file."""
    fixed, moving = canonical(fixed), canonical(moving)
    frame = study_frame(fixed.grid, moving.grid)
    into = np.linalg.inv(frame)
    images = [_moved(volume, into) for volume in (fixed, moving)]
    masks = [mask and _moved(canonical(mask), into) for mask in (fixed_mask, moving_mask)]
    size = RIGID if choice == "rigid" else AFFINE
    pyramid = make_pyramid(images, masks)
    reporter.step(0.1)
    best = search(pyramid, images[0].grid, images[1].grid, size, lambda share: reporter.step(0.1 + 0.9 * share))
    matrix = frame @ pyramid.fine.centring.matrix(best) @ into
    return Alignment(matrix, "rigid" if size == RIGID else "affine")


def _moved(volume: Volume, rigid: np.ndarray) -> Volume:
    return replace(volume, grid=volume.grid.transformed(rigid))


def make_pyramid(images: list[Volume], masks: list[Volume | None]) -> Pyramid:
    """Both images (and masks), in the study frame, at three resolutions."""
    insides = [_inside(image, mask) for image, mask in zip(images, masks, strict=True)]
    finest = min(_finest(inside) for inside in insides)
    bases = [shrunk(image, finest) for image in images]
    windows = [histogram_window(base, inside) for base, inside in zip(bases, insides, strict=True)]
    pairs = []
    centring = None
    for factor, count in zip((4, 2, 1), COUNTS, strict=True):
        levels = [
            make_level(base, inside, finest * factor, count, window)
            for base, inside, window in zip(bases, insides, windows, strict=True)
        ]
        centring = centring or _centring(*levels)
        pairs.append(Pair(*levels, centring))
    return Pyramid(*pairs)


def _inside(image: Volume, mask: Volume | None) -> Volume:
    return foreground(image) if mask is None else mask_foreground(mask)


def _finest(inside: Volume) -> float:
    """The finest resolution worth looking at, mm: a hundredth of the foreground's size, at least 2 mm for a head."""
    return float(np.clip((inside.array.sum() * inside.grid.voxel_volume) ** (1 / 3) / 60, 0.5, 2.5))


def _centring(fixed: Level, moving: Level) -> Centring:
    centres = [level.points.mean(axis=0) for level in (fixed, moving)]
    spreads = [
        np.sqrt(((level.points - centre) ** 2).sum(axis=1).mean())
        for level, centre in zip((fixed, moving), centres, strict=True)
    ]
    return Centring(*centres, float(np.mean(spreads)))
