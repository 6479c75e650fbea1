"""The affine that brings two images together before the deformation: the recipe."""

from dataclasses import dataclass, field, replace

import numpy as np

from sitreg_engine.contract import Measure
from sitreg_engine.foreground import grown, shrunk, size_of
from sitreg_engine.geometry import Grid, apply
from sitreg_engine.images import Volume
from sitreg_engine.progress import Reporter
from sitreg_engine.scan import Scan
from sitreg_engine.study import study_frame

from .given import read_matrix
from .levels import histogram_window, make_level
from .matrices import AFFINE, RIGID
from .objective import Centring, LevelPair
from .search import Pyramid, near_starts, search, turned_starts
from .verdict import (
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

# At the three resolutions, coarse to fine: points per image, and where they lie, by which the foreground grows.
# The outline leads the way; in the end the inside decides (on whole heads 0.04 of Dice: scalps and necks differ).
COUNTS = (4000, 12000, 15000)
MARGINS = (0.05, 0.05, -0.08)  # of the foreground's size
MASK_MARGINS = (0.05, 0.05, 0.05)  # a mask is drawn around what matters: its outline counts
FINEST, COARSEST = 1 / 60, 2.5  # the finest resolution: of the smaller foreground's size, and its limit in mm
# Of either image at that resolution: beside a small organ the whole of a body would be too much.
_MOST_VOXELS = 20_000_000


@dataclass(frozen=True)
class Alignment:
    """Where the moving image belongs, before any deformation."""

    matrix: np.ndarray  # 4x4, fixed LPS mm -> moving LPS mm
    kind: str  # "affine", "rigid", "identity" or "file"
    measures: list[Measure] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def align(fixed: Scan, moving: Scan, choice: str, reporter: Reporter) -> Alignment:
    """The alignment of two images: `choice` is "auto" (affine), "rigid", "none" or an ITK transform file.

    Masks say what to align by. Swapping the images gives the inverse matrix, and the same images
    stored otherwise or lying elsewhere in the world give the same map. Runs within the stage the reporter is in.
    Raises AlignmentError when the result is not to be believed, InputError for a file that cannot be used.
    """
    given = None if choice in ("auto", "rigid") else np.eye(4) if choice == "none" else read_matrix(choice)
    frame = study_frame(fixed.image.grid, moving.image.grid)
    into = np.linalg.inv(frame)
    scans = [_moved(scan, into) for scan in (fixed, moving)]
    pyramid = make_pyramid(scans)
    reporter.step(0.1)
    if given is None:
        grids = (scans[0].image.grid, scans[1].image.grid)
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
        fixed, moving = pyramid.fine.fixed.domain, pyramid.fine.moving.domain
        raise verdict.refusal((size_of(fixed), size_of(moving)))
    return near if verdict.convincing(FAR_ABOVE_CHANCE) else (*near[:2], [*near[2], verdict.doubt()])


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


def _moved(scan: Scan, rigid: np.ndarray) -> Scan:
    volumes = (volume and replace(volume, grid=volume.grid.transformed(rigid)) for volume in vars(scan).values())
    return Scan(*volumes)


def make_pyramid(scans: list[Scan]) -> Pyramid:
    """Both scans, in the study frame, at three resolutions."""
    insides = [scan.inside for scan in scans]
    finest = max(min(min(map(size_of, insides)) * FINEST, COARSEST), max(_least_spacing(s.image.grid) for s in scans))
    bases = [shrunk(scan.image, finest) for scan in scans]
    windows = [histogram_window(base) for base in bases]
    centring = _centring(insides)
    pairs = []
    for factor, count, *margins in zip((4, 2, 1), COUNTS, *map(_margins, scans), strict=True):
        levels = [
            make_level(base, _domain(inside, margin), finest * factor, count, window)
            for base, inside, margin, window in zip(bases, insides, margins, windows, strict=True)
        ]
        pairs.append(LevelPair(*levels, centring))
    return Pyramid(*pairs)


def _least_spacing(grid: Grid) -> float:
    """mm between voxels at which an image on `grid` has no more than _MOST_VOXELS."""
    return float(np.prod(grid.shape) * grid.voxel_volume / _MOST_VOXELS) ** (1 / 3)


def _margins(scan: Scan) -> tuple[float, ...]:
    return MARGINS if scan.mask is None else MASK_MARGINS


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
