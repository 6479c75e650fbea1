"""Synthetic pairs that the whole registration is timed on: a head, and a large CT.

Made once and kept.
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from sitreg_engine.geometry import Grid, apply
from sitreg_engine.images import to_sitk

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "demonstration"))
from anatomy import brightness_at
from deformation import make_truth

_SEED, _BUMPS = 20240607, 12
_BODY = (165.0, 110.0)  # mm; half axes of the trunk, which runs through the whole scan

Map = Callable[[np.ndarray], np.ndarray]  # points (..., 3) of a scan -> where they lie in the fixed body, LPS mm


@dataclass(frozen=True)
class Files:
    fixed: Path
    moving: Path


def head_pair(folder: Path, spacing: float = 1.0) -> Files:
    """160 x 192 x 224 mm around a whole head."""
    grid = _centred(tuple(round(mm / spacing) for mm in (160, 192, 224)), (spacing,) * 3)
    return _kept(folder / f"head_{spacing:g}mm", lambda to_fixed, seed: _head(grid, to_fixed, seed))


def ct_pair(folder: Path, shape: tuple[int, int, int] = (512, 512, 300)) -> Files:
    """A chest of 358 x 358 x 300 mm, int16 Hounsfield units; 512 x 512 x 300 voxels unless told otherwise."""
    spacing = tuple(mm / n for mm, n in zip((358.4, 358.4, 300.0), shape, strict=True))
    name = "ct_" + "x".join(map(str, shape))
    return _kept(folder / name, lambda to_fixed, seed: _chest(_centred(shape, spacing), to_fixed, seed))


def _kept(folder: Path, scan: Callable[[Map, int], sitk.Image]) -> Files:
    """The pair in `folder`, made when it is not there.

    scan(to_fixed, seed) images the body seen through a map of points, with noise of its own: the same noise in both
    scans would be a pattern that holds the registration where it starts.
    """
    files = Files(folder / "fixed.nrrd", folder / "moving.nrrd")
    truth = make_truth(_SEED)
    few = slice(None, _BUMPS)
    truth = replace(truth, centres=truth.centres[few], pushes=truth.pushes[few], widths=truth.widths[few])
    folder.mkdir(parents=True, exist_ok=True)
    # The moving head is turned and deformed, and lies 5 mm off the middle of its scan.
    maps = lambda points: points, lambda points: truth.to_fixed(points + truth.shift + 5.0)
    for seed, (path, to_fixed) in enumerate(zip((files.fixed, files.moving), maps, strict=True)):
        if not path.exists():
            partial = path.with_name(f"partial_{path.name}")
            sitk.WriteImage(scan(to_fixed, seed), str(partial))
            partial.rename(path)
    return files


def _centred(shape: tuple[int, int, int], spacing: tuple[float, float, float]) -> Grid:
    origin = tuple(-(n - 1) / 2 * s for n, s in zip(shape, spacing, strict=True))
    return Grid(shape, spacing, origin, tuple(map(float, np.eye(3).ravel())))


def _head(grid: Grid, to_fixed: Map, seed: int) -> sitk.Image:
    """int16; a slab at a time, as the formulas need much memory."""
    values = [brightness_at(to_fixed(points)).astype(np.float32) for points in _slabs(grid)]
    return to_sitk(_noisy(np.concatenate(values) * 4, 10.0, seed), grid)


def _chest(grid: Grid, to_fixed: Map, seed: int) -> sitk.Image:
    """Imaged at half the resolution: what is finer is noise."""
    shape = tuple(n // 2 for n in grid.shape)
    coarse = _centred(shape, tuple(2 * s for s in grid.spacing))
    values = np.concatenate([hounsfield(to_fixed(points)).astype(np.float32) for points in _slabs(coarse)])
    like = to_sitk(np.empty(grid.shape, np.uint8), grid)
    fine = sitk.Resample(to_sitk(values, coarse), like, sitk.Transform(), sitk.sitkLinear, -1000.0, sitk.sitkFloat32)
    return to_sitk(_noisy(sitk.GetArrayViewFromImage(fine).transpose(2, 1, 0), 20.0, seed), grid)


def hounsfield(points: np.ndarray) -> np.ndarray:
    """A chest in formulas: trunk, lungs with vessels, heart, spine; points (..., 3) LPS mm."""
    x, y, z = np.moveaxis(points, -1, 0)
    trunk = (x / _BODY[0]) ** 2 + (y / _BODY[1]) ** 2 < 1
    lungs = ((np.abs(x) - 75) / 60) ** 2 + (y / 85) ** 2 + (z / 130) ** 2 < 1
    vessels = np.sin(x / 7 + np.sin(z / 19)) * np.sin(y / 8 + np.sin(x / 17)) * np.sin(z / 9 + np.sin(y / 15)) > 0.6
    heart = ((x - 20) / 50) ** 2 + ((y + 25) / 45) ** 2 + ((z + 30) / 55) ** 2 < 1
    spine = (x / 22) ** 2 + ((y - 75) / 24) ** 2 < 1 + 0.3 * np.sin(z / 5)
    value = np.where(trunk, 30.0 + 60.0 * np.sin(x / 23) * np.cos(z / 21), -1000.0)
    value = np.where(lungs, np.where(vessels, 20.0, -850.0), value)
    return np.where(spine, 500.0, np.where(heart, 60.0, value))


def _slabs(grid: Grid) -> Iterator[np.ndarray]:
    """World positions (n, J, K, 3), mm, float32, of a few planes after the other."""
    for first in range(0, grid.shape[0], 8):
        planes = min(8, grid.shape[0] - first)
        index = np.moveaxis(np.indices((planes, *grid.shape[1:]), dtype=np.float32), 0, -1)
        index[..., 0] += first
        yield apply(grid.voxel_to_world, index).astype(np.float32)


def _noisy(values: np.ndarray, deviation: float, seed: int) -> np.ndarray:
    """int16; a seed's noise is always the same."""
    noise = np.random.default_rng(seed).standard_normal(values.shape, np.float32)
    return np.rint(values + deviation * noise).astype(np.int16)
