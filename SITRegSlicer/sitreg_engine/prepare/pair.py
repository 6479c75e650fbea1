"""Two aligned images on one working grid in the space half-way between them."""

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from sitreg_engine.affine.alignment import Alignment
from sitreg_engine.affine.matrices import half_way
from sitreg_engine.foreground import foreground, mask_foreground, without_padding
from sitreg_engine.geometry import Grid, apply
from sitreg_engine.images import Volume
from sitreg_engine.study import canonical, study_frame

from .blank import is_blanked, not_blank
from .normalise import Normalise, robust_range
from .resample import field_of_view, resample
from .spacing import margin_of, rounded_shape


@dataclass(frozen=True)
class Pair:
    """Both images in the half-way space, float32; swapping fixed and moving swaps the tensors and nothing else."""

    moving: Tensor  # (1, 1, I, J, K), normalised: image_1 of the models
    fixed: Tensor  # (1, 1, I, J, K), normalised: image_2 of the models
    fixed_mask: Tensor | None  # (1, 1, I, J, K), 0..1
    moving_mask: Tensor | None
    # (1, 1, I, J, K), 1 where the point lies in the image's field of view and was not blanked, else 0
    fixed_inside: Tensor
    moving_inside: Tensor
    grid: Grid  # working grid: isotropic, axes of the study frame; its world is the half-way space, mm
    to_fixed: np.ndarray  # 4x4, half-way mm -> fixed LPS mm
    to_moving: np.ndarray  # 4x4, half-way mm -> moving LPS mm
    doubts: tuple[str, ...] = ()  # for people, about the way the images are compared


def make_pair(
    fixed: Volume,
    moving: Volume,
    alignment: Alignment,
    fixed_mask: Volume | None,
    moving_mask: Volume | None,
    spacing: float,
    normalise: Normalise = robust_range,
) -> Pair:
    """Resample both images, once each, to the half-way space of `alignment` at `spacing` mm.

    The two maps satisfy alignment.matrix = to_moving @ inv(to_fixed). Raises AlignmentError when the alignment turns
    by about 180 degrees and there is no half-way.
    """
    fixed, moving = without_padding(canonical(fixed)), without_padding(canonical(moving))
    masks = [mask and canonical(mask) for mask in (fixed_mask, moving_mask)]
    frame = study_frame(fixed.grid, moving.grid)
    half = half_way(np.linalg.inv(frame) @ alignment.matrix @ frame)
    maps = [frame @ np.linalg.inv(half), frame @ half]
    shown = [_shown(image, mask) for image, mask in zip((fixed, moving), masks, strict=True)]
    grid = working_grid([fixed, moving], shown, maps, spacing)
    views = [field_of_view(image.grid, grid, to_image) for image, to_image in zip((fixed, moving), maps, strict=True)]
    images = [
        resample(normalise(image, inside), image.grid, grid, to_image) * view
        for image, inside, to_image, view in zip((fixed, moving), shown, maps, views, strict=True)
    ]
    seen, doubts = _without_blanks(views, [fixed, moving], shown, masks, maps, grid)
    on_grid = [mask and _mask_on_grid(mask, grid, to_image) for mask, to_image in zip(masks, maps, strict=True)]
    return Pair(images[1], images[0], *on_grid, *seen, grid, *maps, doubts)


def _shown(image: Volume, mask: Volume | None) -> Volume:
    return foreground(image) if mask is None else mask_foreground(mask)


def working_grid(images: list[Volume], shown: list[Volume], maps: list[np.ndarray], spacing: float) -> Grid:
    """The grid over what both images show (bool Volumes) with a margin, as far as their fields of view reach.

    Centred on that box, and rounded up so that each side is divisible by 16.
    """
    boxes, views = [], []
    for image, inside, to_image in zip(images, shown, maps, strict=True):
        back = np.linalg.inv(to_image)
        boxes.append(_bounds(apply(back, _corners_of(inside))))
        views.append(_bounds(apply(back, image.grid.corners())))
    low, high = _union(boxes)
    seen_low, seen_high = _union(views)
    margin = margin_of(high - low)
    low, high = np.maximum(low - margin, seen_low), np.minimum(high + margin, seen_high)
    shape = rounded_shape((high - low) / spacing)
    origin = (low + high) / 2 - (np.array(shape) - 1) / 2 * spacing
    return Grid(shape, (float(spacing),) * 3, tuple(map(float, origin)), tuple(map(float, np.eye(3).ravel())))


def _corners_of(inside: Volume) -> np.ndarray:
    """Corners (N, 3), LPS mm, of the first and last true voxel of each line: all that a bounding box depends on."""
    i, j = np.nonzero(inside.array.any(axis=2))
    lines = inside.array[i, j]
    first, last = lines.argmax(axis=1), inside.array.shape[2] - 1 - lines[:, ::-1].argmax(axis=1)
    ends = np.concatenate([np.stack([i, j, k], axis=1) for k in (first, last)])
    offsets = np.stack(np.meshgrid(*[(-0.5, 0.5)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    return apply(inside.grid.voxel_to_world, (ends[:, None] + offsets).reshape(-1, 3))


def _bounds(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return points.min(axis=0), points.max(axis=0)


def _union(boxes: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    return np.minimum(boxes[0][0], boxes[1][0]), np.maximum(boxes[0][1], boxes[1][1])


def _without_blanks(
    views: list[Tensor],
    images: list[Volume],
    shown: list[Volume],
    masks: list[Volume | None],
    maps: list[np.ndarray],
    grid: Grid,
) -> tuple[list[Tensor], tuple[str, ...]]:
    """The fields of view less what was blanked (lists: fixed, moving), and what to tell. A given mask has the say."""
    seen, doubts = list(views), []
    names = ("fixed", "moving")
    for one, other in ((0, 1), (1, 0)):
        from_other = maps[one] @ np.linalg.inv(maps[other])
        if masks[one] is None and is_blanked(images[one], shown[one], images[other], from_other):
            seen[one] = views[one] * not_blank(images[one], grid, maps[one])
            doubts.append(
                f"The {names[one]} volume is blank in much of what the {names[other]} one shows "
                "(a brain without its skull?): only what both show was compared."
            )
    return seen, tuple(doubts)


def _mask_on_grid(mask: Volume, grid: Grid, to_image: np.ndarray) -> Tensor:
    values = resample((mask.array != 0).astype(np.float32), mask.grid, grid, to_image)
    return values.clamp(0.0, 1.0) * field_of_view(mask.grid, grid, to_image)
