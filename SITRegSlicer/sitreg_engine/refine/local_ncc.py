"""Local normalised cross-correlation as an objective: squared, in box windows, with its exact gradient.

r(x) = cov(a, b)^2 / (var(a) var(b)) over a cube around x; squared, so that inverted contrast agrees too. Only what
both images show counts in a window: the edge of a field of view is no edge of anything.
The window sums run along one axis after the other as products with banded matrices: the fastest way on a CPU, and
a matter of three matrix products per channel on a GPU.
"""

from functools import lru_cache

import torch
from torch import Tensor

# Added to both variances, in squared units of the normalised intensity: below about 1 % of the range it is noise.
VARIANCE_FLOOR = 1e-4
# A window of which less than this share is seen in both images says nothing.
LEAST_SHARE = 0.05


def local_ncc_loss(a: Tensor, b: Tensor, seen: Tensor, wanted: Tensor, window: int) -> Tensor:
    """-sum(wanted seen r) / number of voxels; all (1, 1, I, J, K). Swapping a and b changes nothing.

    seen (0..1): what both images show; wanted (0..1): where agreement is asked for.
    Divided by all voxels, not by the weights' sum: its balance against a smoothness term, which is a mean over all
    voxels, then does not depend on how much background surrounds the object.
    """
    return _LocalNCC.apply(a, b, seen, wanted * seen, window)


class _LocalNCC(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a: Tensor, b: Tensor, seen: Tensor, weight: Tensor, window: int) -> Tensor:
        sums = window_mean(torch.cat([seen, seen * torch.cat([a, b, a * a, b * b, a * b], dim=1)], dim=1), window)
        share = sums[:, :1].clamp_min(LEAST_SHARE)
        mean_a, mean_b, square_a, square_b, product = (sums[:, 1:] / share).split(1, dim=1)
        var_a = (square_a - mean_a * mean_a).clamp_min_(0).add_(VARIANCE_FLOOR)
        var_b = (square_b - mean_b * mean_b).clamp_min_(0).add_(VARIANCE_FLOOR)
        covariance = product - mean_a * mean_b
        agreement = covariance * covariance / (var_a * var_b)
        scale = weight * (sums[:, :1] >= LEAST_SHARE) / agreement.numel()
        ctx.save_for_backward(a, b, mean_a, mean_b, var_a, var_b, covariance, agreement, scale / share, seen)
        ctx.window = window
        return -(agreement * scale).sum()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, Tensor, None, None, None]:
        a, b, mean_a, mean_b, var_a, var_b, covariance, agreement, scale, seen = ctx.saved_tensors
        scale = scale * -gradient
        by_cov = 2 * covariance / (var_a * var_b) * scale
        by_var_a, by_var_b = -agreement / var_a * scale, -agreement / var_b * scale
        parts = [by_cov, by_cov * mean_a, by_cov * mean_b, by_var_a, by_var_a * mean_a, by_var_b, by_var_b * mean_b]
        # the window mean is symmetric: it is its own adjoint
        cov, cov_a, cov_b, v_a, v_a_mean, v_b, v_b_mean = window_mean(torch.cat(parts, dim=1), ctx.window).split(1, 1)
        by_a = seen * (cov * b - cov_b + 2 * (a * v_a - v_a_mean))
        by_b = seen * (cov * a - cov_a + 2 * (b * v_b - v_b_mean))
        return by_a, by_b, None, None, None


def window_mean(x: Tensor, window: int) -> Tensor:
    """Sums over cubes of `window` voxels, divided by their full volume; (1, C, I, J, K); zeros beyond the border."""
    channels, i, j, k = x.shape[1:]
    first, second, third = (_band(n, window).to(x) for n in (i, j, k))
    x = second @ (x[0] @ third)
    return (first @ x.reshape(channels, i, j * k)).reshape(1, channels, i, j, k)


@lru_cache(maxsize=32)
def _band(size: int, window: int) -> Tensor:
    """(size, size) symmetric matrix that averages `window` neighbours."""
    index = torch.arange(size)
    return ((index[:, None] - index[None]).abs() <= window // 2).double() / window
