"""Mutual information of image values at points, with its exact gradient. All float64, no threads, no chance.

Joint histogram by Parzen windows after Mattes et al. 2003: linear in the value at the point, cubic in the value of the
image looked up. It needs no relation between the two intensity scales.
"""

from dataclasses import dataclass

import numpy as np

BINS = 26


@dataclass(frozen=True)
class Lookup:
    """The image looked up at some voxel coordinates."""

    values: np.ndarray  # (N,), edge values held outside
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
    """Values of `image` (I, J, K) at voxel `coordinates` (N, 3), as a quadratic B-spline with the voxels for weights.

    Smooth with its first derivatives, and a little smoother than the image: a cost without kinks has its minimum in the
    same place whichever way one comes from, which trilinear interpolation has not.
    """
    nearest = np.rint(coordinates)
    offset = coordinates - nearest
    weights, slopes = _taps(offset)
    taps = nearest.astype(np.int64) + np.arange(-1, 2)[:, None, None]  # (3, N, 3)
    strides = (image.shape[1] * image.shape[2], image.shape[2], 1)
    x, y, z = (np.clip(taps[..., axis], 0, image.shape[axis] - 1) * strides[axis] for axis in range(3))
    corners = image.ravel()[x[:, None, None] + y[:, None] + z]  # (3, 3, 3, N)
    values, gradient = _contract(corners, weights, slopes)
    weight, weight_gradient = _within(coordinates, np.array(image.shape))
    return Lookup(values, gradient, weight, weight_gradient)


def _taps(offset: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Quadratic B-spline weights (3, N, 3) of the three voxels nearest along each axis, and their derivatives."""
    weights = np.stack([(0.5 - offset) ** 2 / 2, 0.75 - offset**2, (0.5 + offset) ** 2 / 2])
    return weights, np.stack([offset - 0.5, -2 * offset, offset + 0.5])


def _contract(corners: np.ndarray, weights: np.ndarray, slopes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Value (N,) and gradient (N, 3) out of 27 voxels (3, 3, 3, N)."""
    along_z = (corners * weights[..., 2]).sum(axis=2)
    slope_z = (corners * slopes[..., 2]).sum(axis=2)
    along_y = (along_z * weights[..., 1]).sum(axis=1)
    d_x = (along_y * slopes[..., 0]).sum(axis=0)
    d_y = ((along_z * slopes[..., 1]).sum(axis=1) * weights[..., 0]).sum(axis=0)
    d_z = ((slope_z * weights[..., 1]).sum(axis=1) * weights[..., 0]).sum(axis=0)
    return (along_y * weights[..., 0]).sum(axis=0), np.stack([d_x, d_y, d_z], axis=1)


def _within(coordinates: np.ndarray, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """1 inside, smoothly falling to 0 one voxel outside (N,), and its gradient (N, 3)."""
    rising, falling = np.clip(coordinates + 1.0, 0.0, 1.0), np.clip(sizes - coordinates, 0.0, 1.0)
    ramp = np.minimum(rising, falling)
    smooth, slope = ramp**2 * (3 - 2 * ramp), 6 * ramp * (1 - ramp) * np.where(rising < falling, 1.0, -1.0)
    around = np.stack([smooth[:, 1] * smooth[:, 2], smooth[:, 0] * smooth[:, 2], smooth[:, 0] * smooth[:, 1]], axis=1)
    return smooth.prod(axis=1), slope * around


def score(values: np.ndarray, image: np.ndarray, coordinates: np.ndarray) -> Score:
    """Values (N,) at points against `image` (I, J, K) at the points' voxel coordinates (N, 3).

    Both in bin units: 2 to BINS - 4, so that every window lies within the histogram, rounding included.
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
