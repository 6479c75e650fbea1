"""Jacobian determinants of a map x -> x + u(x), of displacements in voxels: where it folds, they are not positive.

The eight determinants that take a forward or a backward difference along each axis are the Jacobians of the
trilinear interpolant in the eight cells that meet at a voxel. Central differences average two of them and hide folds.
"""

import torch
from torch import Tensor

# The three columns d(x + u)/d(axis) of a Jacobian, each (3, ...).
Columns = list[Tensor]


def smallest_determinant(u: Tensor) -> Tensor:
    """The smallest of the eight one-sided determinants at every voxel; u (3, I, J, K) voxels -> (I, J, K).

    At the border the side that exists counts for both. NaN where u is.
    """
    forward, backward = [], []
    for axis in range(3):
        steps = torch.diff(u, dim=axis + 1)
        steps[axis] += 1.0
        ahead, behind = both_sides(steps, axis + 1)
        forward.append(ahead)
        backward.append(behind)
    return smallest_of_eight(forward, backward)


def both_sides(steps: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """Forward and backward differences at every voxel from the n - 1 steps between them; at an end the one there is."""
    last, first = steps.narrow(dim, steps.shape[dim] - 1, 1), steps.narrow(dim, 0, 1)
    return torch.cat([steps, last], dim), torch.cat([first, steps], dim)


def smallest_of_eight(forward: Columns, backward: Columns) -> Tensor:
    """Smallest of the eight determinants with each column from either list; NaN when any is."""
    smallest = None
    for second in (forward[1], backward[1]):
        for third in (forward[2], backward[2]):
            normal = _cross(second, third)  # shared by two of the eight
            for first in (forward[0], backward[0]):
                value = _dot(first, normal)
                smallest = value if smallest is None else torch.minimum(smallest, value)  # keeps NaN
    return smallest


def determinant(columns: Columns) -> Tensor:
    """Determinant of the matrix with these columns (3, ...) -> (...)."""
    return _dot(columns[0], _cross(columns[1], columns[2]))


def _cross(a: Tensor, b: Tensor) -> Tensor:
    result = torch.empty_like(a)
    for c in range(3):
        p, q = (c + 1) % 3, (c + 2) % 3
        torch.mul(a[p], b[q], out=result[c])
        result[c].addcmul_(a[q], b[p], value=-1)
    return result


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return (a[0] * b[0]).addcmul_(a[1], b[1]).addcmul_(a[2], b[2])
