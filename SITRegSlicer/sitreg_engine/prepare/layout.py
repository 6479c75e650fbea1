"""Two aligned scans in the space half-way between them, before any voxels are chosen for it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod

import numpy as np

from sitreg_engine.affine.alignment import Alignment
from sitreg_engine.affine.matrices import half_way
from sitreg_engine.fields import step_of
from sitreg_engine.geometry import Grid, apply
from sitreg_engine.images import Volume
from sitreg_engine.memory import needed_memory
from sitreg_engine.scan import Scan
from sitreg_engine.study import study_frame

from .blank import is_blanked

MARGIN = 8.0  # mm around what the images show, where there are so many
MULTIPLE = 16  # networks halve the grid up to four times; a shape divisible by 16 halves without remainder


@dataclass(frozen=True)
class Extent:
    """What a working grid has to hold; all (3,) in mm of the common space."""

    shown: np.ndarray  # sides of the box around what the images show
    low: np.ndarray  # corners of that box with a margin, as far as the fields of view reach
    high: np.ndarray

    def grid(self, spacing: float) -> Grid:
        """The working grid at a spacing in mm: isotropic, centred, rounded up so that 16 divides each side."""
        shape = self._shape(spacing)
        origin = (self.low + self.high) / 2 - (np.array(shape) - 1) / 2 * spacing
        return Grid(shape, (float(spacing),) * 3, tuple(map(float, origin)), tuple(map(float, np.eye(3).ravel())))

    def voxels(self, spacing: float) -> int:
        """Of the working grid at a spacing in mm."""
        return math.prod(self._shape(spacing))

    @property
    def side(self) -> float:
        """The longest, mm."""
        return float((self.high - self.low).max())

    @property
    def volume(self) -> float:
        """mm^3, before anything is rounded."""
        return float(np.prod(self.high - self.low))

    def _shape(self, spacing: float) -> tuple[int, int, int]:
        return rounded_shape((self.high - self.low) / spacing)


@dataclass(frozen=True)
class Layout:
    """Swapping fixed and moving swaps the scans and the maps, and nothing else."""

    fixed: Scan
    moving: Scan
    to_fixed: np.ndarray  # 4x4, half-way mm -> fixed LPS mm
    to_moving: np.ndarray  # 4x4, half-way mm -> moving LPS mm

    @cached_property
    def extent(self) -> Extent:
        return extent_of([self.fixed, self.moving], [self.to_fixed, self.to_moving])

    @cached_property
    def blanked(self) -> tuple[bool, bool]:
        """Whether the fixed image, or the moving one, is blank in much of what the other shows. A mask has the say."""
        sides = ((self.fixed, self.to_fixed), (self.moving, self.to_moving))
        return tuple(_is_blanked(*here, *there) for here, there in (sides, sides[::-1]))

    @property
    def image_voxels(self) -> int:
        """Of both images together."""
        return sum(scan.image.array.size for scan in (self.fixed, self.moving))

    def field_voxels(self, spacing: float) -> float:
        """About as many, of both saved fields: they cover all that the images show, whatever is masked (compose.py)."""
        return sum(_field_voxels(scan.image.grid, spacing) for scan in (self.fixed, self.moving))

    def memory(self, spacing: float) -> float:
        """About how many bytes a registration needs that works at a spacing in mm."""
        return needed_memory(self.extent.voxels(spacing), self.image_voxels, self.field_voxels(spacing))


def lay_out(fixed: Scan, moving: Scan, alignment: Alignment) -> Layout:
    """The two maps satisfy alignment.matrix = to_moving @ inv(to_fixed).

    Raises AlignmentError when the alignment turns by about 180 degrees and there is no half-way.
    """
    frame = study_frame(fixed.image.grid, moving.image.grid)
    half = half_way(np.linalg.inv(frame) @ alignment.matrix @ frame)
    return Layout(fixed, moving, frame @ np.linalg.inv(half), frame @ half)


def _field_voxels(image: Grid, spacing: float) -> float:
    return prod(n / step_of(own, spacing) for n, own in zip(image.shape, image.spacing, strict=True))


def _is_blanked(scan: Scan, to_image: np.ndarray, other: Scan, to_other: np.ndarray) -> bool:
    across = to_image @ np.linalg.inv(to_other)
    return scan.mask is None and is_blanked(scan.image, scan.inside, other.image, across)


def extent_of(scans: Sequence[Scan], maps: Sequence[np.ndarray]) -> Extent:
    """Of all scans together. maps: 4x4 each, common mm -> LPS mm of the image."""
    shown, views = [], []
    for scan, to_image in zip(scans, maps, strict=True):
        back = np.linalg.inv(to_image)
        shown.append(apply(back, _corners_of(scan.inside)))
        views.append(apply(back, scan.image.grid.corners()))
    low, high = _bounds(shown)
    seen_low, seen_high = _bounds(views)
    margin = min(MARGIN, float((high - low).max()) / 5)  # small things get less
    return Extent(high - low, np.maximum(low - margin, seen_low), np.minimum(high + margin, seen_high))


def rounded_shape(shape) -> tuple[int, int, int]:
    """Each length up to the next multiple of 16."""
    return tuple(int(np.ceil(n / MULTIPLE - 1e-6)) * MULTIPLE for n in shape)


def _corners_of(inside: Volume) -> np.ndarray:
    """Corners (N, 3), LPS mm, of the first and last true voxel of each line: all that a bounding box depends on."""
    i, j = np.nonzero(inside.array.any(axis=2))
    lines = inside.array[i, j]
    first, last = lines.argmax(axis=1), inside.array.shape[2] - 1 - lines[:, ::-1].argmax(axis=1)
    ends = np.concatenate([np.stack([i, j, k], axis=1) for k in (first, last)])
    offsets = np.stack(np.meshgrid(*[(-0.5, 0.5)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    return apply(inside.grid.voxel_to_world, (ends[:, None] + offsets).reshape(-1, 3))


def _bounds(points: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest coordinates (3,) of lists of points (N, 3)."""
    every = np.concatenate(points)
    return every.min(axis=0), every.max(axis=0)
