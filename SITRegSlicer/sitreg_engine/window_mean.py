"""Means over cubes of voxels: the windows of local statistics."""

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor


def window_mean(x: Tensor, window: int) -> Tensor:
    """Sums over cubes of `window` voxels, divided by their full volume; (1, C, I, J, K); zeros beyond the border.

    Along the first two axes, one by one, by pooling, which goes through whole rows of the third at once; along the
    third as a product with a banded matrix.
    """
    half, pooled = window // 2, x[0].permute(0, 3, 1, 2)
    pooled = F.avg_pool2d(F.avg_pool2d(pooled, (window, 1), 1, (half, 0)), (1, window), 1, (0, half)).permute(
        0, 2, 3, 1
    )
    band, result = _band(x.shape[-1], window).to(x), x.new_empty(pooled.shape)
    # One channel at a time: rows of a joint product may be rounded differently at its end, which would break symmetry.
    for channel, summed in zip(pooled, result, strict=True):
        torch.matmul(channel, band, out=summed)
    return result[None]


@lru_cache(maxsize=32)
def _band(size: int, window: int) -> Tensor:
    """(size, size) symmetric matrix that averages `window` neighbours."""
    with torch.inference_mode(False):  # it is kept: whoever asks next may want gradients through it
        index = torch.arange(size)
        return ((index[:, None] - index[None]).abs() <= window // 2).double() / window
