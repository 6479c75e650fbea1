"""Jacobian determinant of x -> x + u(x): local volume change, and folds (where it is not positive).

Computed in index space: with A the grid's 3x3 voxel-to-world matrix, d(x + u)/dx = A (I + d(A^-1 u)/di) A^-1,
so det(I + d(A^-1 u)/di) is the determinant whatever the direction and spacing of the grid.

Central differences average two neighbours and hide folds. The eight determinants that take a forward or a
backward difference along each axis are the Jacobians of the trilinear interpolant in the eight cells that
meet at a voxel: where one of them is not positive, the field as ITK evaluates it folds.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from sitreg_engine.contract import Measure
from sitreg_engine.determinants import both_sides, determinant, smallest_of_eight
from sitreg_engine.errors import InputError
from sitreg_engine.fields import DisplacementField
from sitreg_engine.geometry import Grid
from sitreg_engine.images import Volume
from sitreg_engine.mappings import sample

from .sampling import lattice, lattice_offset, mask_on, slabs


@dataclass(frozen=True)
class JacobianMaps:
    """Determinants at every voxel of a field; NaN where the field is."""

    central: np.ndarray  # (I, J, K) float32, by central differences (one-sided at the border)
    smallest: np.ndarray  # (I, J, K) float32, the smallest of the eight one-sided determinants
    grid: Grid


def jacobian_maps(field: DisplacementField) -> JacobianMaps:
    """Both determinants of a field at all its voxels. Raises InputError when an axis has fewer than 2 voxels."""
    shape = field.grid.shape
    if min(shape) < 2:
        raise InputError(f"A Jacobian needs a field of at least 2 voxels along each axis, this one has {shape}.")
    central, smallest = np.empty(shape, np.float32), np.empty(shape, np.float32)
    for rows in slabs(shape):
        forward, backward = _differences(field, rows)
        central[rows] = determinant([(f + b) / 2 for f, b in zip(forward, backward, strict=True)]).numpy()
        smallest[rows] = smallest_of_eight(forward, backward).numpy()
    return JacobianMaps(central, smallest, field.grid)


def _differences(field: DisplacementField, rows: slice) -> tuple[list[Tensor], list[Tensor]]:
    """Columns d(i + A^-1 u)/d(axis) by forward and by backward differences at some rows: 3 x (3, rows, J, K) each."""
    low, high = max(rows.start - 1, 0), min(rows.stop + 1, field.grid.shape[0])
    linear = torch.from_numpy(np.float32(field.grid.world_to_voxel[:3, :3]))
    vectors = torch.from_numpy(np.ascontiguousarray(field.vectors[:, low:high], dtype=np.float32))
    moved = (linear @ vectors.reshape(3, -1)).reshape(vectors.shape)
    forward, backward = [], []
    for axis in range(3):
        steps = torch.diff(moved, dim=axis + 1)
        steps[axis] += 1.0
        if axis == 0:
            ahead, behind = both_sides(steps, 1)
            keep = slice(rows.start - low, rows.stop - low)
            ahead, behind = ahead[:, keep], behind[:, keep]
        else:
            inner = steps[:, rows.start - low : rows.stop - low]
            ahead, behind = both_sides(inner, axis + 1)
        forward.append(ahead)
        backward.append(behind)
    return forward, backward


def jacobian_on(maps: JacobianMaps, onto: Grid, mark_folds: bool = False) -> np.ndarray:
    """The central determinant on another grid, float32 (I, J, K): cut out where the voxels agree, else trilinear.

    With `mark_folds`, where one of the eight one-sided determinants is not positive, the smallest of them stands
    instead: then every fold shows as a value that is not positive, also those that central differences hide.
    """
    shown = maps.central
    if mark_folds:
        shown = np.where(folds(maps.smallest), np.minimum(maps.central, maps.smallest), maps.central)
    offset = lattice_offset(maps.grid, onto)
    if offset is not None:
        return shown[tuple(slice(o, o + n) for o, n in zip(offset, onto.shape, strict=True))].copy()
    step = maps.grid.world_to_voxel @ onto.voxel_to_world
    values, result = torch.from_numpy(shown)[None, None], np.empty(onto.shape, np.float32)
    for rows in slabs(onto.shape):
        result[rows] = sample(values, lattice(step, onto.shape, rows)[None])[0, 0].numpy()
    return result


def folds(determinant: np.ndarray) -> np.ndarray:
    """Which voxels fold, bool: NaN does (NaN <= 0 is False, so the question is put the other way round)."""
    return ~(determinant > 0)


def jacobian_measures(maps: JacobianMaps, direction: str = "forward", mask: Volume | None = None) -> list[Measure]:
    """Range, spread and folds of a field's determinant: in its whole box and, when given, inside a mask.

    Names begin with `direction` and end in "_in_mask" for the mask's part.
    """
    result = _measures_of(maps.central, maps.smallest, maps.grid, direction, "", "in the whole field")
    if mask is not None:
        chosen = mask_on(mask, maps.grid)
        parts = (maps.central[chosen], maps.smallest[chosen])
        result += _measures_of(*parts, maps.grid, direction, "_in_mask", "inside the mask")
    return result


def _measures_of(
    central: np.ndarray, smallest: np.ndarray, grid: Grid, direction: str, suffix: str, where: str
) -> list[Measure]:
    name, of = f"{direction}_jacobian", f"of the {direction} transform {where}"
    finite, positive = central[np.isfinite(central)], central[central > 0]
    nan = float("nan")
    spread = float(np.std(np.log(positive, dtype=np.float64))) if positive.size else nan
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (nan, nan)
    return [
        Measure(f"{name}_min{suffix}", f"Smallest Jacobian determinant {of}", low, ""),
        Measure(f"{name}_max{suffix}", f"Largest Jacobian determinant {of}", high, ""),
        Measure(f"{name}_std_log{suffix}", f"Spread of the logarithm of the Jacobian determinant {of}", spread, ""),
        *_fold_measures(central, grid, f"{direction}_folds_central", f"{of}, by central differences", suffix),
        *_fold_measures(smallest, grid, f"{direction}_folds", f"{of}, by any of eight one-sided differences", suffix),
    ]


def _fold_measures(determinant: np.ndarray, grid: Grid, name: str, text: str, suffix: str) -> list[Measure]:
    count = int(np.count_nonzero(folds(determinant)))
    share = 100.0 * count / determinant.size if determinant.size else float("nan")
    return [
        Measure(f"{name}{suffix}", f"Folded voxels {text}", float(count), "voxels"),
        Measure(f"{name}_percent{suffix}", f"Share of folded voxels {text}", share, "%"),
        Measure(f"{name}_ml{suffix}", f"Volume of folded voxels {text}", count * grid.voxel_volume / 1000, "ml"),
    ]
