"""Images as functions of points: their values there, with slopes that do not jump from voxel to voxel."""

from dataclasses import dataclass

import torch
from torch import Tensor

from sitreg_engine.mappings import sample
from sitreg_engine.window_mean import window_mean

from .maps import half_extents

CONTRAST_WINDOW = 9  # voxels
_LEAST_CONTRAST = 0.03  # standard deviation of the normalised intensity; below it is noise
_LEAST_SHARE = 0.05  # of a window that is seen


@dataclass(frozen=True)
class Picture:
    """One image and where it is seen (0..1), both (1, 1, I, J, K); zero outside the grid."""

    image: Tensor
    seen: Tensor

    def at(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """(values, where they are seen) at normalised points (P, 3), each (P,). Differentiable once, by the points."""
        half = half_extents(tuple(self.image.shape[2:]), points)
        voxels = (points + 1) * half
        inside = (points.detach().abs() <= 1).all(dim=1).to(points)
        with torch.no_grad():
            seen = _values(self.seen, voxels) * inside
        return _Value.apply(voxels, self.image) * inside, seen


def locally_normalised(picture: Picture, window: int = CONTRAST_WINDOW) -> Picture:
    """The same with mean 0 and contrast 1 around every voxel.

    The correlation of sampled points then counts the local agreement of structures, whatever their brightness and
    whatever slow shading there is: what local NCC does, where there are no neighbours to compare.
    """
    image, seen = picture.image, picture.seen
    share = window_mean(seen, window).clamp_min_(_LEAST_SHARE)
    mean = window_mean(image * seen, window).div_(share)
    variance = window_mean(image * image * seen, window).div_(share).sub_(mean * mean).clamp_min_(0)
    return Picture((image - mean).div_(variance.add_(_LEAST_CONTRAST**2).sqrt_()).mul_(seen), seen)


class _Value(torch.autograd.Function):
    """Interpolated central differences stand for the derivative: the interpolant's own jumps between voxels."""

    @staticmethod
    def forward(ctx, voxels: Tensor, image: Tensor) -> Tensor:
        ctx.save_for_backward(voxels, image)
        return _values(image, voxels)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None]:
        voxels, image = ctx.saved_tensors
        return slopes(image, voxels) * gradient[:, None], None


def slopes(image: Tensor, voxels: Tensor) -> Tensor:
    """Central differences of `image` (1, 1, I, J, K), interpolated at voxel positions (P, 3) -> (P, 3)."""
    steps = torch.eye(3, dtype=voxels.dtype, device=voxels.device)
    ahead, behind = (_values(image, (voxels[:, None] + s * steps).reshape(-1, 3)) for s in (1.0, -1.0))
    return (ahead - behind).reshape(-1, 3) / 2


def _values(volume: Tensor, voxels: Tensor) -> Tensor:
    """Of (1, 1, I, J, K) at voxel positions (P, 3) -> (P,); edges held."""
    return sample(volume, voxels.T[None, :, :, None, None])[0, 0, :, 0, 0]
