"""All measures of one finished registration, and the pictures that belong to them."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from .case import Case
from .contract import Measure
from .fields import DisplacementField
from .lattices import box_around, cut_out
from .quality.consistency import consistency_measures
from .quality.jacobian import jacobian_measures, jacobian_on
from .quality.landmarks import landmark_measures
from .quality.local_ncc import WINDOW
from .quality.overlap import common_labels, dice, label_overlaps, overlap_measures
from .quality.sampling import eroded, mask_on
from .quality.similarity import similarity_measures
from .quality.warp import align_image, align_labels, warp_image, warp_labels
from .unfold import JudgedMaps

Check = Callable[[], None]


@dataclass(frozen=True)
class Assessment:
    """Arrays (I, J, K) on the grid of the image they are shown on."""

    warped_moving: np.ndarray  # on the fixed grid
    warped_fixed: np.ndarray  # on the moving grid
    jacobian: np.ndarray  # determinant of the forward map on the fixed grid; not positive wherever it folds
    warped_labels: np.ndarray | None  # moving labels on the fixed grid
    measures: list[Measure]


def assess(
    case: Case, fields: JudgedMaps, aligned: np.ndarray, step: Callable[[float], None] = lambda _: None
) -> Assessment:
    """Warp everything and measure everything; `aligned` is the affine alone, 4x4 fixed -> moving LPS mm.

    `step(fraction)` is called now and then (and may raise to stop).
    """
    fixed, moving, forward, inverse = case.fixed, case.moving, fields.forward, fields.inverse
    grids = fixed.image.grid, moving.image.grid
    warped_moving = warp_image(moving.image, forward, grids[0], np.nan, partial(step, 0.1))
    shown = ~np.isnan(warped_moving)  # NaN is what lies outside: images have none
    warped_moving[~shown] = moving.image.array.min()
    warped_fixed = warp_image(fixed.image, inverse, grids[1], check=partial(step, 0.2))
    measures = _similarity(case, warped_moving, shown, aligned, partial(step, 0.3))
    measures += jacobian_measures(fields.forward_jacobian, "forward", fixed.region)
    measures += jacobian_measures(fields.inverse_jacobian, "inverse", moving.region)
    check = partial(step, 0.5)
    measures += consistency_measures(forward, inverse, *grids, fixed.region, moving.region, check)
    labels = None
    if moving.labels is not None:
        labels = warp_labels(moving.labels, forward, grids[0], check=partial(step, 0.6))
        measures += _overlap(case, forward, labels, aligned, partial(step, 0.7))
    if case.landmarks is not None:
        measures += landmark_measures(*case.landmarks, forward)
    jacobian = jacobian_on(fields.forward_jacobian, grids[0], mark_folds=True)
    return Assessment(warped_moving, warped_fixed, jacobian, labels, measures)


def _similarity(case: Case, warped: np.ndarray, shown: np.ndarray, aligned: np.ndarray, check: Check) -> list[Measure]:
    """Of what the result shows in both images, the same voxels before and after; inside the fixed mask or labels.

    `shown`: by the warped image. Cubes that reach beyond it would compare with nothing.
    """
    fixed, grid, region = case.fixed.image.array, case.fixed.image.grid, case.fixed.region
    mask, where = eroded(shown, WINDOW // 2), "where the result shows both images"
    if region is not None:
        mask, where = mask & mask_on(region, grid), f"{where}, in the mask or labels"
    box = box_around(mask, WINDOW)  # nothing else matters
    fixed, warped, mask, grid = fixed[box], warped[box], mask[box], cut_out(grid, box)
    before, by_affine = (align_image(case.moving.image, matrix, grid, check) for matrix in (np.eye(4), aligned))
    return similarity_measures(fixed, before, warped, mask, where, by_affine, check)


def _overlap(
    case: Case, forward: DisplacementField, warped: np.ndarray, aligned: np.ndarray, check: Check
) -> list[Measure]:
    """Of the moving labels on the fixed labels' own grid; nothing without fixed labels.

    `warped`: the moving labels on the fixed image's grid.
    """
    if case.fixed.labels is None:
        return []
    fixed, moving = case.fixed.labels, case.moving.labels
    common, grid = common_labels(fixed.array, moving.array), fixed.grid
    if grid != case.fixed.image.grid:
        warped = warp_labels(moving, forward, grid, check=check)
    before = [dice(fixed.array, align_labels(moving, matrix, grid, check), common) for matrix in (np.eye(4), aligned)]
    return overlap_measures(label_overlaps(fixed.array, warped, grid, common, check), *before)
