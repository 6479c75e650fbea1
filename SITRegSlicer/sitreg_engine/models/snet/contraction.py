"""How steep a displacement is, and how much of it is a contraction.

Where u is interpolated linearly between voxels, each column of its Jacobian is a difference of neighbouring voxels,
interpolated along the other axes: the largest singular value is convex in each of them, so it is largest at a corner
of a cell. With a largest one below 1, id + u and id - u are homeomorphisms, and fixed-point inversion converges.
"""

import itertools

import torch
from torch import Tensor

LIMIT = 0.95  # of the largest singular value; nearer to 1 the inversion becomes slow
_PART = 2**14  # voxels looked at together


def contracted(u: Tensor, limit: float = LIMIT) -> tuple[Tensor, Tensor]:
    """(u times the factor, the factor) with min(1, limit / largest slope) of each sample.

    u (N, 3, I, J, K), displacement in voxels; the factor (N,), without gradients.
    """
    factor = (limit / largest_slope(u, limit).clamp_min(limit)).to(u)
    return (u if bool((factor == 1).all()) else u * factor[:, None, None, None, None]), factor


@torch.no_grad()
def largest_slope(u: Tensor, above: float = 0.0) -> Tensor:
    """The largest singular value of grad u anywhere, (N,) float64; u (N, 3, I, J, K) in voxels.

    Exact where it is larger than `above`; otherwise any number up to that.
    """
    return torch.stack([_largest(sample, above) for sample in u])


def _largest(u: Tensor, above: float) -> Tensor:
    """Voxel by voxel from the steepest by the Frobenius norm, which no singular value exceeds, until none can win."""
    sides = [_differences(u, axis) for axis in range(3)]
    steepest = sum(torch.maximum(*(side.square().sum(dim=0) for side in pair)) for pair in sides).flatten()
    order = (steepest.sqrt() > above).nonzero()[:, 0]
    if not order.numel():
        return steepest.new_zeros((), dtype=torch.float64)
    order = order[steepest[order].argsort(descending=True)]
    largest = torch.zeros((), dtype=torch.float64, device=u.device)
    for part in order.split(_PART):
        if steepest[part[0]].sqrt() <= largest:
            break
        chosen = [[side.flatten(1)[:, part].double() for side in pair] for pair in sides]
        largest = torch.stack([largest, *(_singular(columns).amax() for columns in itertools.product(*chosen))]).amax()
    return largest


def _differences(u: Tensor, axis: int) -> tuple[Tensor, Tensor]:
    """To the next and from the last voxel along an axis, each like u (3, I, J, K); at an end the one that exists."""
    dim = axis + 1
    if u.shape[dim] == 1:
        return torch.zeros_like(u), torch.zeros_like(u)
    steps = u.diff(dim=dim)
    first, last = steps.narrow(dim, 0, 1), steps.narrow(dim, -1, 1)
    return torch.cat([steps, last], dim), torch.cat([first, steps], dim)


def _singular(columns: tuple[Tensor, ...]) -> Tensor:
    """The largest singular values of 3x3 matrices A, given as three columns (3, P) -> (P,).

    Square roots of the largest eigenvalues of A^T A, in closed form. (Smith, Comm. ACM 4, 1961.)
    """
    gram = torch.stack([torch.stack([(a * b).sum(dim=0) for b in columns]) for a in columns])  # (3, 3, P)
    mean = gram.diagonal().sum(dim=-1) / 3  # (P,)
    rest = gram - mean * torch.eye(3, dtype=gram.dtype, device=gram.device)[:, :, None]
    spread = (rest.square().sum(dim=(0, 1)) / 6).sqrt()
    shape = _determinant(rest / spread.clamp_min(torch.finfo(gram.dtype).tiny)) / 2
    return (mean + 2 * spread * (shape.clamp(-1, 1).acos() / 3).cos()).clamp_min(0).sqrt()


def _determinant(a: Tensor) -> Tensor:
    """Of symmetric matrices (3, 3, P) -> (P,)."""
    first = a[0, 0] * (a[1, 1] * a[2, 2] - a[1, 2] ** 2)
    second = a[0, 1] * (a[0, 1] * a[2, 2] - a[1, 2] * a[0, 2])
    return first - second + a[0, 2] * (a[0, 1] * a[1, 2] - a[1, 1] * a[0, 2])
