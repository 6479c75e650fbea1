"""A body that is a formula, so that it can be imaged anywhere, in any storage order, under any known map."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest

from sitreg_engine.geometry import Grid, apply
from sitreg_engine.images import Volume
from sitreg_engine.progress import Reporter

# Centre (mm), width (mm) and brightness of the blobs inside the body: no symmetry left.
BLOBS = (
    ((12, 6, -4), 9, 0.8),
    ((-10, 12, 8), 7, -0.5),
    ((4, -14, 10), 8, 0.6),
    ((-6, -8, -14), 10, 0.5),
    ((14, -4, 14), 6, 0.7),
)


def brightness(points: np.ndarray) -> np.ndarray:
    """The body at points (..., 3) in mm: an ellipsoid of 52 x 64 x 48 mm."""
    inside = 1 / (1 + np.exp(6 * (((points / (26, 32, 24)) ** 2).sum(axis=-1) - 1)))
    blobs = [a * np.exp(-((points - centre) ** 2).sum(axis=-1) / (2 * width**2)) for centre, width, a in BLOBS]
    return 100 * inside * (1 + sum(blobs))


def image_body(grid: Grid, to_body: np.ndarray) -> Volume:
    """The body as seen on a grid; `to_body` (4x4) maps the grid's mm to the body's."""
    index = np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), axis=-1)
    return Volume(brightness(apply(to_body @ grid.voxel_to_world, index)).astype(np.float32), grid)


def turn(axis: tuple[float, float, float], degrees: float) -> np.ndarray:
    """4x4 rotation about an axis through the origin (Rodrigues)."""
    x, y, z = np.array(axis) / np.linalg.norm(axis)
    k = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    matrix = np.eye(4)
    matrix[:3, :3] += np.sin(np.radians(degrees)) * k + (1 - np.cos(np.radians(degrees))) * k @ k
    return matrix


def stored(volume: Volume, order: tuple[int, ...], flips: tuple[bool, ...]) -> Volume:
    """The same image with its axes stored in another order and direction."""
    matrix = volume.grid.voxel_to_world[:, [*order, 3]]
    array = volume.array.transpose(order)
    for axis in np.flatnonzero(flips):
        matrix[:3, 3] += (array.shape[axis] - 1) * matrix[:3, axis]
        matrix[:3, axis] *= -1
    array = array[tuple(slice(None, None, -1) if flip else slice(None) for flip in flips)].copy()
    spacing = tuple(volume.grid.spacing[axis] for axis in order)
    direction = matrix[:3, :3] / np.array(spacing)
    return Volume(array, Grid(array.shape, spacing, tuple(matrix[:3, 3]), tuple(direction.ravel())))


def placed(volume: Volume, rigid: np.ndarray) -> Volume:
    """The image elsewhere in the world."""
    return replace(volume, grid=volume.grid.transformed(rigid))


@dataclass(frozen=True)
class Study:
    """Two images of the body and the truth."""

    fixed: Volume
    moving: Volume
    matrix: np.ndarray  # 4x4, fixed -> moving, LPS mm
    points: np.ndarray  # (N, 3), in the fixed body, LPS mm


def make_study(spacing: tuple[float, float, float] = (5.0, 4.5, 5.5)) -> Study:
    matrix = turn((1, 2, -1), 8)
    matrix[:3, :3] = matrix[:3, :3] @ np.array([[1.05, 0.02, 0], [0.02, 0.97, -0.03], [0, -0.03, 1.02]])
    matrix[:3, 3] = (6, -4, 5)
    shape = tuple(int(90 / s) for s in spacing)
    origin = tuple(-(n - 1) / 2 * s for n, s in zip(shape, spacing, strict=True))
    grid = Grid(shape, spacing, origin, tuple(np.eye(3).ravel()))
    fixed = image_body(grid, matrix)
    points = apply(grid.voxel_to_world, np.argwhere(fixed.array > 50))
    return Study(fixed, image_body(grid, np.eye(4)), matrix, points)


@dataclass(frozen=True)
class Tools:
    """What tests of this folder do to images."""

    brightness: Callable = brightness
    image_body: Callable = image_body
    make_study: Callable = make_study
    placed: Callable = placed
    stored: Callable = stored
    turn: Callable = turn


@pytest.fixture(scope="session")
def tools() -> Tools:
    return Tools()


@pytest.fixture(scope="session")
def study() -> Study:
    return make_study()


@pytest.fixture
def reporter() -> Reporter:
    reporter = Reporter()
    reporter.start("align", "Aligning")
    return reporter


@pytest.fixture(
    params=list(itertools.product(itertools.permutations(range(3)), itertools.product((False, True), repeat=3))),
    ids=str,
)
def storage(request) -> tuple[tuple[int, ...], tuple[bool, ...]]:
    """Each of the 48 orders and flips of three axes."""
    return request.param
