"""Jacobian determinants of a map x -> x + u(x), of displacements in voxels: where it folds, they are not positive.

The eight determinants that take a forward or a backward difference along each axis are the Jacobians of the
trilinear interpolant in the eight cells that meet at a voxel. Central differences average two of them and hide folds.
"""

from math import prod

import torch
from torch import Tensor

from .lattices import in_slabs
from .mappings import voxels_of

# The three columns d(x + u)/d(axis) of a Jacobian, each (3, ...).
Columns = list[Tensor]


def smallest_determinant(u: Tensor) -> Tensor:
    """The smallest of the eight one-sided determinants at every voxel; u (3, I, J, K) voxels -> (I, J, K).

    At the border the side that exists counts for both. NaN where u is. Without gradients.
    """
    shape = tuple(u.shape[1:])
    if u.device.type != "cpu":
        return determinants(*one_sided(u, slice(0, shape[0])))[0]
    result = u.new_empty(shape)

    def fill(rows: slice) -> None:
        block, own = with_neighbours(rows, shape[0])
        result[rows] = determinants(*one_sided(u[:, block], own))[0]

    in_slabs(fill, shape)
    return result


def smallest_determinant_at(u: Tensor, numbers: Tensor) -> Tensor:
    """`smallest_determinant` of u (3, I, J, K) voxels at some voxels alone, by their flat numbers (P,) -> (P,)."""
    values, shape = u.reshape(3, -1), tuple(u.shape[1:])
    here, forward, backward = values[:, numbers], [], []
    for axis, (place, size) in enumerate(zip(voxels_of(numbers, shape), shape, strict=True)):
        step = prod(shape[axis + 1 :])
        # At an end of the axis this is some other voxel, or none: what it gives is not taken.
        ahead, behind = (values[:, (numbers + way * step).clamp(0, values.shape[1] - 1)] for way in (1, -1))
        ahead, behind = ahead.sub_(here), here - behind
        for side in (ahead, behind):
            side[axis] += 1.0
        forward.append(torch.where(place < size - 1, ahead, behind))
        backward.append(torch.where(place > 0, behind, ahead))
    return determinants(forward, backward)[0]


def with_neighbours(rows: slice, count: int) -> tuple[slice, slice]:
    """(`rows` and one more on each side that has one, where `rows` are in these) of `count` rows."""
    low, high = max(rows.start - 1, 0), min(rows.stop + 1, count)
    return slice(low, high), slice(rows.start - low, rows.stop - low)


def one_sided(u: Tensor, rows: slice) -> tuple[Columns, Columns]:
    """Forward and backward differences of x + u at some `rows` of u (3, I, J, K) voxels: 3 x (3, rows, J, K) each.

    At an end of u the side that exists counts for both.
    """
    ahead, behind = zip(*(_both_sides(u if axis == 0 else u[:, rows], axis) for axis in range(3)), strict=True)
    return [ahead[0][:, rows], *ahead[1:]], [behind[0][:, rows], *behind[1:]]


def _both_sides(u: Tensor, axis: int) -> tuple[Tensor, Tensor]:
    """Differences of x + u to the next and from the last voxel along an axis, each (3, I, J, K)."""
    dim, count = axis + 1, u.shape[axis + 1]
    shape = list(u.shape)
    shape[dim] += 1
    steps = u.new_empty(shape)  # the first is that of the second, the last that of the last but one
    inner = steps.narrow(dim, 1, count - 1)
    torch.sub(u.narrow(dim, 1, count - 1), u.narrow(dim, 0, count - 1), out=inner)
    inner[axis] += 1.0
    steps.select(dim, 0).copy_(steps.select(dim, 1))
    steps.select(dim, count).copy_(steps.select(dim, count - 1))
    return steps.narrow(dim, 1, count), steps.narrow(dim, 0, count)


def determinants(forward: Columns, backward: Columns) -> tuple[Tensor, Tensor]:
    """(smallest, mean) of the eight determinants with each column from either list; NaN where any is.

    A determinant is linear in each column: the mean is the determinant of central differences.
    """
    normal, value = torch.empty_like(forward[0]), torch.empty_like(forward[0][0])
    smallest = total = None
    for second in (forward[1], backward[1]):
        for third in (forward[2], backward[2]):
            _cross(second, third, normal)  # shared by two of the eight
            for first in (forward[0], backward[0]):
                _dot(first, normal, value)
                if smallest is None:
                    smallest, total = value.clone(), value.clone()
                else:
                    torch.minimum(smallest, value, out=smallest)  # keeps NaN
                    total += value
    return smallest, total.div_(8)


def _cross(a: Tensor, b: Tensor, result: Tensor) -> None:
    for c in range(3):
        p, q = (c + 1) % 3, (c + 2) % 3
        torch.mul(a[p], b[q], out=result[c])
        result[c].addcmul_(a[q], b[p], value=-1)


def _dot(a: Tensor, b: Tensor, result: Tensor) -> None:
    torch.mul(a[0], b[0], out=result)
    result.addcmul_(a[1], b[1]).addcmul_(a[2], b[2])
