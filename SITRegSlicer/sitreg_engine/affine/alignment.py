"""The affine that brings two images together before the deformation: the recipe."""

from dataclasses import dataclass, field, replace

import numpy as np

from sitreg_engine.contract import Measure
from sitreg_engine.foreground import foreground, grown, mask_foreground, shrunk, size_of, without_padding
from sitreg_engine.geometry import Grid, apply
from sitreg_engine.images import Volume
from sitreg_engine.progress import Reporter
from sitreg_engine.study import canonical, study_frame

from .given import read_matrix
from .levels import histogram_window, make_level
from .matrices import AFFINE, RIGID
from .objective import Centring, LevelPair
from .quality import (
    FAR_ABOVE_CHANCE,
    TURN_LIMIT,
    judge,
    measures,
    plausible,
    require_overlap,
    rotation_of,
    scales_of,
    warnings,
)
from .search import Pyramid, near_starts, search, turned_starts

# At the three resolutions, coarse to fine: points per image, and where they lie, by which the foreground grows.
# The outline leads the way; in the end the inside decides (on whole heads 0.04 of Dice: scalps and necks differ).
COUNTS = (4000, 12000, 15000)
MARGINS = (0.05, 0.05, -0.08)  # of the foreground's size
MASK_MARGINS = (0.05, 0.05, 0.05)  # a mask is drawn around what matters: its outline counts
FINEST, COARSEST = 1 / 60, 2.5  # the finest resolution: of the smaller foreground's size, and its limit in mm


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
    """The alignment of two images: `choice` is "auto" (affine), "rigid", "none" or an ITK transform file.

    Masks (non-zero = inside) say what to align by. Swapping the images gives the inverse matrix, and the same images
    stored otherwise or lying elsewhere in the world give the same map. Runs within the stage the reporter is in.
    Raises AlignmentError when the result is not to be believed, InputError for a file that cannot be used.
    """
    given = None if choice in ("auto", "rigid") else np.eye(4) if choice == "none" else read_matrix(choice)
    fixed, moving = without_padding(canonical(fixed)), without_padding(canonical(moving))
    frame = study_frame(fixed.grid, moving.grid)
    into = np.linalg.inv(frame)
    images = [_moved(volume, into) for volume in (fixed, moving)]
    masks = [mask and _moved(canonical(mask), into) for mask in (fixed_mask, moving_mask)]
    pyramid = make_pyramid(images, masks)
    reporter.step(0.1)
    if given is None:
        grids = (images[0].grid, images[1].grid)
        local, kind, notes = _found(pyramid, grids, choice, lambda share: reporter.step(0.1 + 0.8 * share))
    else:
        local, kind, notes = into @ given @ frame, "identity" if choice == "none" else "file", []
        require_overlap(pyramid.coarse, local)
    reporter.step(1.0)
    notes = notes + warnings(pyramid.coarse, local)
    matrix = frame @ local @ into if given is None else given
    return Alignment(matrix, kind, measures(pyramid.fine, local), notes)


def _found(pyramid: Pyramid, grids: tuple[Grid, Grid], choice: str, step) -> tuple[np.ndarray, str, list[str]]:
    """The matrix in the study frame, its kind, and warnings. Raises AlignmentError when nothing convinces."""
    centring = pyramid.fine.centring
    near = _attempt(pyramid, near_starts(centring, *grids), choice, step)
    verdict = judge(pyramid.fine, near[0])
    if verdict.convincing(FAR_ABOVE_CHANCE) and rotation_of(near[0]) < TURN_LIMIT:
        return near
    # Nothing clear found, or far from where it was looked for: perhaps a header names the wrong axes.
    turned = _attempt(pyramid, turned_starts(centring), choice, lambda _: step(1.0))
    second = judge(pyramid.fine, turned[0])
    if second.information > verdict.information and second.convincing(FAR_ABOVE_CHANCE):
        return turned
    if not verdict.convincing():
        raise verdict.refusal()
    return near


def _attempt(pyramid: Pyramid, starts: list[np.ndarray], choice: str, step) -> tuple[np.ndarray, str, list[str]]:
    """Affine, or rigid where that is wanted or safer."""
    centring, notes = pyramid.fine.centring, []
    if choice == "auto":
        matrix = centring.matrix(search(pyramid, starts, AFFINE, step))
        if plausible(matrix):
            return matrix, "affine", notes
        scales = ", ".join(f"{scale:.2f}" for scale in scales_of(matrix))
        notes = [f"The affine alignment changed lengths by implausible factors ({scales}): aligned rigidly instead."]
    quiet = step if choice == "rigid" else lambda _: step(1.0)
    return centring.matrix(search(pyramid, starts, RIGID, quiet)), "rigid", notes


def _moved(volume: Volume, rigid: np.ndarray) -> Volume:
    return replace(volume, grid=volume.grid.transformed(rigid))


def make_pyramid(images: list[Volume], masks: list[Volume | None]) -> Pyramid:
    """Both images (and masks), in the study frame, at three resolutions."""
    insides = [_inside(image, mask) for image, mask in zip(images, masks, strict=True)]
    finest = min(min(map(size_of, insides)) * FINEST, COARSEST)
    bases = [shrunk(image, finest) for image in images]
    centring = _centring(insides)
    pairs = []
    for factor, count, *margins in zip((4, 2, 1), COUNTS, *map(_margins, masks), strict=True):
        levels = [
            make_level(base, _domain(inside, margin), finest * factor, count, histogram_window(base))
            for base, inside, margin in zip(bases, insides, margins, strict=True)
        ]
        pairs.append(LevelPair(*levels, centring))
    return Pyramid(*pairs)


def _inside(image: Volume, mask: Volume | None) -> Volume:
    return foreground(image) if mask is None else mask_foreground(mask)


def _margins(mask: Volume | None) -> tuple[float, ...]:
    return MARGINS if mask is None else MASK_MARGINS


def _domain(inside: Volume, margin: float) -> Volume:
    """Where to compare: the foreground changed by `margin` (share of its size), unless next to nothing remained."""
    changed = grown(inside, margin * size_of(inside))
    return changed if changed.array.sum() > inside.array.sum() / 8 else inside


def _centring(insides: list[Volume]) -> Centring:
    """About the foregrounds' centres of mass; the radius is their mean distance (rms), half a voxel or more."""
    places = [apply(inside.grid.voxel_to_world, np.argwhere(inside.array)) for inside in insides]
    centres = [points.mean(axis=0) for points in places]
    radii = [
        np.sqrt(((points - centre) ** 2).sum(axis=1).mean()) for points, centre in zip(places, centres, strict=True)
    ]
    least = max(max(inside.grid.spacing) for inside in insides) / 2  # a single voxel has no distance from itself
    return Centring(*centres, max(float(np.mean(radii)), least))
