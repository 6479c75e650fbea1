"""Jacobian determinant of x -> x + u(x): local volume change, and folds (where it is not positive).

Computed in index space: with A the grid's 3x3 voxel-to-world matrix, d(x + u)/dx = A (I + d(A^-1 u)/di) A^-1,
so det(I + d(A^-1 u)/di) is the determinant whatever the direction and spacing of the grid.

Central differences average two neighbours and hide folds. The eight determinants that take a forward or a
backward difference along each axis are the Jacobians of the trilinear interpolant in the eight cells that
meet at a voxel: where one of them is not positive, the field as ITK evaluates it folds.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from sitreg_engine.contract import Measure
from sitreg_engine.determinants import determinants, one_sided, with_neighbours
from sitreg_engine.errors import InputError
from sitreg_engine.fields import DisplacementField
from sitreg_engine.geometry import Grid
from sitreg_engine.images import Volume
from sitreg_engine.lattices import in_slabs, lattice, part_of, turned
from sitreg_engine.mappings import sample

from .sampling import mask_on


@dataclass(frozen=True)
class JacobianMaps:
    """Determinants at every voxel of a field; NaN where the field is."""

    central: np.ndarray  # (I, J, K) float32, by central differences (one-sided at the border)
    smallest: np.ndarray  # (I, J, K) float32, the smallest of the eight one-sided determinants
    grid: Grid


def jacobian_maps(field: DisplacementField, check: Callable[[], None] = lambda: None) -> JacobianMaps:
    """Both determinants of a field at all its voxels. `check` is called now and then, and may raise to stop.

    Raises InputError when an axis has fewer than 2 voxels.
    """
    shape = field.grid.shape
    if min(shape) < 2:
        raise InputError(f"A Jacobian needs a field of at least 2 voxels along each axis, this one has {shape}.")
    central, smallest = np.empty(shape, np.float32), np.empty(shape, np.float32)
    vectors = torch.from_numpy(np.asarray(field.vectors, dtype=np.float32))

    def fill(rows: slice) -> None:
        block, own = with_neighbours(rows, shape[0])
        found = determinants(*one_sided(turned(field.grid.world_to_voxel, vectors[:, block]), own))
        smallest[rows], central[rows] = (values.numpy() for values in found)

    in_slabs(fill, shape, check)
    return JacobianMaps(central, smallest, field.grid)


def jacobian_on(maps: JacobianMaps, onto: Grid, mark_folds: bool = False) -> np.ndarray:
    """The central determinant on another grid, float32 (I, J, K): cut out where the voxels agree, else trilinear.

    With `mark_folds`, wherever one of the eight one-sided determinants is not positive, or is not for a voxel of the
    field that is interpolated from, the smallest of them stands instead: then every fold shows as a value that is
    not positive, also those that central differences or interpolation hide.
    """
    folded = folds(maps.smallest) if mark_folds else np.zeros((), bool)
    if not folded.any():
        return _on(maps.central, maps.grid, onto)
    share = _on(folded.astype(np.float32), maps.grid, onto)
    lowest = _on(np.where(folded, np.minimum(maps.central, maps.smallest), 0), maps.grid, onto)
    near = share > 0
    return np.where(near, lowest / np.where(near, share, 1), _on(maps.central, maps.grid, onto))


def _on(values: np.ndarray, grid: Grid, onto: Grid) -> np.ndarray:
    """Values (I, J, K) of `grid` on another one; never the array that was given."""
    part = part_of(grid, onto)
    if part is not None:
        return values[part].copy()
    step, result = grid.world_to_voxel @ onto.voxel_to_world, np.empty(onto.shape, np.float32)
    given = torch.from_numpy(np.ascontiguousarray(values, np.float32))[None, None]

    def fill(rows: slice) -> None:
        result[rows] = sample(given, lattice(step, onto.shape, rows)[None])[0, 0].numpy()

    in_slabs(fill, onto.shape)
    return result


def folds(determinant: np.ndarray) -> np.ndarray:
    """Which voxels fold, bool: NaN does (NaN <= 0 is False, so the question is put the other way round)."""
    return ~(determinant > 0)


def jacobian_measures(maps: JacobianMaps, direction: str = "forward", mask: Volume | None = None) -> list[Measure]:
    """Range, spread and folds of a field's determinant: in its whole box and, when given, inside a mask.

    Names begin with `direction` and end in "_in_mask" for the mask's part.
    """
    result = _measures_of(_totals(maps, None), maps.grid, direction, "", "in the whole field")
    if mask is not None:
        chosen = mask_on(mask, maps.grid)
        result += _measures_of(_totals(maps, chosen), maps.grid, direction, "_in_mask", "inside the mask")
    return result


@dataclass(frozen=True)
class _Totals:
    """What the measures need of some voxels; one row per slab, or their sum."""

    voxels: int
    folded: int  # by one-sided differences
    folded_central: int
    lowest: float  # of the finite central determinants; infinite where there is none
    highest: float
    positive: int  # central determinants
    logs: float  # sum of their logarithms
    squares: float  # and of these squared


def _totals(maps: JacobianMaps, chosen: np.ndarray | None) -> _Totals:
    def of_slab(rows: slice) -> _Totals:
        here = ... if chosen is None else chosen[rows]
        return _totals_of(maps.central[rows][here], maps.smallest[rows][here])

    parts = in_slabs(of_slab, maps.grid.shape)
    return _Totals(
        *(sum(getattr(part, name) for part in parts) for name in ("voxels", "folded", "folded_central")),
        min(part.lowest for part in parts),
        max(part.highest for part in parts),
        *(sum(getattr(part, name) for part in parts) for name in ("positive", "logs", "squares")),
    )


def _totals_of(central: np.ndarray, smallest: np.ndarray) -> _Totals:
    finite, positive = central[np.isfinite(central)], central[central > 0]
    logs = np.log(positive, dtype=np.float64)
    return _Totals(
        central.size,
        int(np.count_nonzero(folds(smallest))),
        int(np.count_nonzero(folds(central))),
        float(finite.min(initial=np.inf)),
        float(finite.max(initial=-np.inf)),
        positive.size,
        float(logs.sum()),
        float(np.square(logs).sum()),
    )


def _measures_of(totals: _Totals, grid: Grid, direction: str, suffix: str, where: str) -> list[Measure]:
    name, of = f"{direction}_jacobian", f"of the {direction} transform {where}"
    nan = float("nan")
    spread = nan
    if totals.positive:
        mean = totals.logs / totals.positive
        spread = float(np.sqrt(max(totals.squares / totals.positive - mean**2, 0.0)))
    low, high = (totals.lowest, totals.highest) if totals.lowest <= totals.highest else (nan, nan)
    central, sided = f"{of}, by central differences", f"{of}, by any of eight one-sided differences"
    return [
        Measure(f"{name}_min{suffix}", f"Smallest Jacobian determinant {of}", low, ""),
        Measure(f"{name}_max{suffix}", f"Largest Jacobian determinant {of}", high, ""),
        Measure(f"{name}_std_log{suffix}", f"Spread of the logarithm of the Jacobian determinant {of}", spread, ""),
        *_fold_measures(totals.folded_central, totals, grid, f"{direction}_folds_central", central, suffix),
        *_fold_measures(totals.folded, totals, grid, f"{direction}_folds", sided, suffix),
    ]


def _fold_measures(count: int, totals: _Totals, grid: Grid, name: str, text: str, suffix: str) -> list[Measure]:
    share = 100.0 * count / totals.voxels if totals.voxels else float("nan")
    return [
        Measure(f"{name}{suffix}", f"Folded voxels {text}", float(count), "voxels"),
        Measure(f"{name}_percent{suffix}", f"Share of folded voxels {text}", share, "%"),
        Measure(f"{name}_ml{suffix}", f"Volume of folded voxels {text}", count * grid.voxel_volume / 1000, "ml"),
    ]
