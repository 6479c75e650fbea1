"""Jacobian determinants of a map x -> x + u(x), of displacements in voxels: where it folds, it is not positive.

The eight determinants that take a forward or a backward difference along each axis are the Jacobians of the
trilinear interpolant in the eight cells that meet at a voxel. Central differences average two of them and hide folds.
"""

import torch
from torch import Tensor


def smallest_determinant(u: Tensor) -> Tensor:
    """The smallest of the eight one-sided determinants at every voxel; u (3, I, J, K) voxels -> (I, J, K).

    At the border the side that exists counts for both. NaN where u is.
    """
    forward, backward = one_sided_columns(u)
    smallest = None
    for second in (forward[1], backward[1]):
        for third in (forward[2], backward[2]):
            normal = _cross(second, third)  # shared by two of the eight
            for first in (forward[0], backward[0]):
                value = _dot(first, normal)
                smallest = value if smallest is None else torch.minimum(smallest, value)  # keeps NaN
    return smallest


def one_sided_columns(u: Tensor) -> tuple[list[Tensor], list[Tensor]]:
    """Columns d(x + u)/d(axis) by forward and by backward differences, 3 x (3, I, J, K) each."""
    forward, backward = [], []
    for axis in range(3):
        steps = torch.diff(u, dim=axis + 1)
        steps[axis] += 1.0
        last, first = steps.narrow(axis + 1, steps.shape[axis + 1] - 1, 1), steps.narrow(axis + 1, 0, 1)
        forward.append(torch.cat([steps, last], axis + 1))
        backward.append(torch.cat([first, steps], axis + 1))
    return forward, backward


def _cross(a: Tensor, b: Tensor) -> Tensor:
    result = torch.empty_like(a)
    for c in range(3):
        p, q = (c + 1) % 3, (c + 2) % 3
        torch.mul(a[p], b[q], out=result[c])
        result[c].addcmul_(a[q], b[p], value=-1)
    return result


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return (a[0] * b[0]).addcmul_(a[1], b[1]).addcmul_(a[2], b[2])
