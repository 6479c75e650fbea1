"""Mutual information of image values at points, with its exact gradient. All float64, no threads, no chance.

Joint histogram by Parzen windows after Mattes et al. 2003: linear in the value at the point, cubic in the value of the
image looked up. It needs no relation between the two intensity scales.
"""

from dataclasses import dataclass

import numpy as np

BINS = 24


@dataclass(frozen=True)
class Lookup:
    """The image looked up at some voxel coordinates."""

    values: np.ndarray  # (N,), edge values held
    gradient: np.ndarray  # (N, 3), per voxel
    weight: np.ndarray  # (N,), 1 inside, falling to 0 one voxel outside
    weight_gradient: np.ndarray  # (N, 3)


@dataclass(frozen=True)
class Score:
    """How well values at points agree with an image, and how that changes with the points' coordinates."""

    information: float  # nats
    overlap: float  # share of the points inside the image, 0..1
    information_gradient: np.ndarray  # (N, 3), per voxel of the image
    overlap_gradient: np.ndarray  # (N, 3)


def look_up(image: np.ndarray, coordinates: np.ndarray) -> Lookup:
    """Trilinear values of `image` (I, J, K) at voxel `coordinates` (N, 3)."""
    sizes = np.array(image.shape)
    inside = np.clip(coordinates, 0.0, sizes - 1.0)
    low = np.minimum(inside.astype(np.int64), np.maximum(sizes - 2, 0))
    t = inside - low
    free = (coordinates > 0) & (coordinates < sizes - 1)  # where the value is held, it does not change
    values, gradient = _trilinear(image, low, t)
    rising, falling = coordinates + 1.0, sizes - coordinates
    ramp = np.clip(np.minimum(rising, falling), 0.0, 1.0)
    slope = ((rising > 0) & (rising < 1)) * 1.0 - ((falling > 0) & (falling < 1)) * 1.0
    around = np.stack([ramp[:, 1] * ramp[:, 2], ramp[:, 0] * ramp[:, 2], ramp[:, 0] * ramp[:, 1]], axis=1)
    return Lookup(values, gradient * free, ramp.prod(axis=1), slope * around)


def _trilinear(image: np.ndarray, low: np.ndarray, t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    strides = np.array([image.shape[1] * image.shape[2], image.shape[2], 1])
    flat, base = image.ravel(), low @ strides
    steps = np.where(np.array(image.shape) > 1, strides, 0)
    corner = [
        [[flat[base + a * steps[0] + b * steps[1] + c * steps[2]] for c in (0, 1)] for b in (0, 1)] for a in (0, 1)
    ]
    x, y, z = t.T
    along_z = [[corner[a][b][0] + z * (corner[a][b][1] - corner[a][b][0]) for b in (0, 1)] for a in (0, 1)]
    slope_z = [[corner[a][b][1] - corner[a][b][0] for b in (0, 1)] for a in (0, 1)]
    along_y = [along_z[a][0] + y * (along_z[a][1] - along_z[a][0]) for a in (0, 1)]
    d_x = along_y[1] - along_y[0]
    d_y = (1 - x) * (along_z[0][1] - along_z[0][0]) + x * (along_z[1][1] - along_z[1][0])
    d_z = (1 - x) * _mix(slope_z[0], y) + x * _mix(slope_z[1], y)
    return along_y[0] + x * d_x, np.stack([d_x, d_y, d_z], axis=1)


def _mix(pair: list[np.ndarray], t: np.ndarray) -> np.ndarray:
    return pair[0] + t * (pair[1] - pair[0])


def score(values: np.ndarray, image: np.ndarray, coordinates: np.ndarray) -> Score:
    """Values (N,) at points against `image` (I, J, K) at the points' voxel coordinates (N, 3).

    Both in bin units: 1 to BINS - 3, so that every window lies within the histogram.
    """
    found = look_up(image, coordinates)
    total = found.weight.sum()
    if total < 1.0:
        nothing = np.zeros_like(coordinates)
        return Score(0.0, total / len(values), nothing, found.weight_gradient / len(values))
    cells, windows, slopes = _windows(values, found.values)
    joint = np.bincount(cells.ravel(), (windows * found.weight).ravel(), minlength=BINS * BINS) / total
    table = _log_ratio(joint.reshape(BINS, BINS)).ravel()
    information = float(joint @ table)
    at_points = table[cells]
    per_value = (slopes * at_points).sum(axis=0) * found.weight / total
    per_weight = ((windows * at_points).sum(axis=0) - information) / total
    gradient = per_value[:, None] * found.gradient + per_weight[:, None] * found.weight_gradient
    return Score(information, total / len(values), gradient, found.weight_gradient / len(values))


def _windows(values: np.ndarray, looked_up: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Histogram cells (8, N) that a pair of values falls into, its share in each, and the share's derivative."""
    row, column = np.floor(values).astype(np.int64), np.floor(looked_up).astype(np.int64)
    share = values - row
    t = looked_up - column
    rows = np.stack([1 - share, share])
    cubic = np.stack([(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3]) / 6
    slope = np.stack([-((1 - t) ** 2), 3 * t**2 - 4 * t, -3 * t**2 + 2 * t + 1, t**2]) / 2
    cells = (row + np.arange(2)[:, None])[:, None] * BINS + (column + np.arange(-1, 3)[:, None])[None]
    shape = (8, len(values))
    return cells.reshape(shape), (rows[:, None] * cubic).reshape(shape), (rows[:, None] * slope).reshape(shape)


def _log_ratio(joint: np.ndarray) -> np.ndarray:
    """log p(a, b) / (p(a) p(b)), 0 where p(a, b) = 0."""
    independent = joint.sum(axis=1)[:, None] * joint.sum(axis=0)[None]
    seen = joint > 0
    return np.log(np.where(seen, joint, 1.0) / np.where(seen, independent, 1.0))
