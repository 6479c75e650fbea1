"""All measures of one finished registration, and the pictures that belong to them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .case import Case
from .compose import WorldMaps
from .contract import Measure
from .fields import DisplacementField
from .quality.consistency import consistency_measures
from .quality.jacobian import jacobian_maps, jacobian_measures, jacobian_on
from .quality.landmarks import landmark_measures
from .quality.overlap import common_labels, dice, label_overlaps, overlap_measures
from .quality.sampling import mask_on
from .quality.similarity import similarity_measures
from .quality.warp import affine_field, warp_image, warp_labels


@dataclass(frozen=True)
class Assessment:
    """Arrays (I, J, K) on the grid of the image they are shown on."""

    warped_moving: np.ndarray  # on the fixed grid
    warped_fixed: np.ndarray  # on the moving grid
    jacobian: np.ndarray  # determinant of the forward map on the fixed grid; not positive wherever it folds
    warped_labels: np.ndarray | None  # moving labels on the fixed grid
    measures: list[Measure]


def assess(
    case: Case, fields: WorldMaps, aligned: np.ndarray, step: Callable[[float], None] = lambda _: None
) -> Assessment:
    """Warp everything and measure everything; `aligned` is the affine alone, 4x4 fixed -> moving LPS mm.

    `step(fraction)` is called between the measures (and may raise to stop).
    """
    fixed, moving, forward, inverse = case.fixed, case.moving, fields.forward, fields.inverse
    warped = warp_image(moving.image, forward, fixed.image.grid)
    step(0.1)
    jacobians = jacobian_maps(forward)
    step(0.2)
    measures = _similarity(case, warped, aligned)
    step(0.3)
    measures += jacobian_measures(jacobians, "forward", fixed.region)
    measures += jacobian_measures(jacobian_maps(inverse), "inverse", moving.region)
    step(0.5)
    measures += consistency_measures(forward, inverse, fixed.image.grid, moving.image.grid, fixed.region, moving.region)
    step(0.6)
    labels = None
    if moving.labels is not None:
        labels = warp_labels(moving.labels, forward, fixed.image.grid)
        step(0.7)
        measures += _overlap(case, forward, aligned)
        step(0.9)
    if fixed.points is not None and moving.points is not None:
        measures += landmark_measures(fixed.points, moving.points, forward)
    return Assessment(
        warped,
        warp_image(fixed.image, inverse, moving.image.grid),
        jacobian_on(jacobians, fixed.image.grid, mark_folds=True),
        labels,
        measures,
    )


def _similarity(case: Case, warped: np.ndarray, aligned: np.ndarray) -> list[Measure]:
    grid = case.fixed.image.grid
    before = warp_image(case.moving.image, affine_field(np.eye(4), grid), grid)
    by_affine = warp_image(case.moving.image, affine_field(aligned, grid), grid)
    region = case.fixed.region
    mask = None if region is None else mask_on(region, grid)
    return similarity_measures(case.fixed.image.array, before, warped, mask, by_affine)


def _overlap(case: Case, forward: DisplacementField, aligned: np.ndarray) -> list[Measure]:
    """Of the moving labels on the fixed labels' own grid; nothing without fixed labels."""
    if case.fixed.labels is None:
        return []
    fixed, moving = case.fixed.labels, case.moving.labels
    common = common_labels(fixed.array, moving.array)
    grid = fixed.grid
    warped = warp_labels(moving, forward, grid)
    before = [
        dice(fixed.array, warp_labels(moving, affine_field(matrix, grid), grid), common)
        for matrix in (np.eye(4), aligned)
    ]
    return overlap_measures(label_overlaps(fixed.array, warped, grid, common), *before)
