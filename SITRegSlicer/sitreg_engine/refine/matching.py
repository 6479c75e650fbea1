"""How well two images agree when one update moves both towards each other, and where to move next.

The images' slopes are taken from their voxels once and interpolated like their values: one look at each image
gives the agreement and its derivative by the update, without a second pass.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from sitreg_engine.mappings import warp

from .local_ncc import Windows, loss_and_slopes


@dataclass(frozen=True)
class Matching:
    """Two images on one grid, ready to be compared under updates."""

    moving: Tensor  # (1, 4, I, J, K): value, and slopes along the axes per voxel
    fixed: Tensor
    windows: Windows

    @classmethod
    def of(cls, moving: Tensor, fixed: Tensor, windows: Windows) -> "Matching":
        """Images (1, 1, I, J, K)."""
        return cls(with_slopes(moving), with_slopes(fixed), windows)

    def loss(self, u: Tensor) -> Tensor:
        """Of moving(x + u(x)) and fixed(x - u(x)); u (1, 3, I, J, K) voxels. See local_ncc. Differentiable once."""
        return _Loss.apply(u, self)


class _Loss(torch.autograd.Function):
    @staticmethod
    def forward(ctx, u: Tensor, matching: Matching) -> Tensor:
        moving, fixed = warp(matching.moving, u), warp(matching.fixed, -u)
        loss, by_moving, by_fixed = loss_and_slopes(moving[:, :1], fixed[:, :1], matching.windows)
        # Two products and their difference: fused, it would not be the exact opposite when the images are swapped.
        ctx.save_for_backward(moving[:, 1:].mul_(by_moving).sub_(fixed[:, 1:].mul_(by_fixed)))
        return loss

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None]:
        return ctx.saved_tensors[0] * gradient, None


def with_slopes(image: Tensor) -> Tensor:
    """(1, 1, I, J, K) -> (1, 4, I, J, K): the image, and its central differences along the axes."""
    result = image.new_empty(1, 4, *image.shape[2:])
    result[:, :1] = image
    for axis in range(3):
        size, slope = image.shape[axis + 2], result[:, axis + 1 : axis + 2]
        index = torch.arange(size, device=image.device)
        low, high = (index - 1).clamp_min(0), (index + 1).clamp_max(size - 1)
        step = (high - low).clamp_min(1).to(image).reshape([-1 if a == axis else 1 for a in range(3)])
        slope.copy_((image.index_select(axis + 2, high) - image.index_select(axis + 2, low)) / step)
    return result
