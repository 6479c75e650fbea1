"""Displacement fields on voxel grids, in torch: sampling, identity, composition.

A map x -> x + u(x) is stored as its displacement u, a tensor (N, 3, I, J, K) in VOXELS, channel c along
axis c. Outside the grid the nearest edge value holds (a homeomorphism stays one), coordinates of the map
itself are never clamped. Notation: (f o g)(x) = f(g(x)).
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from .trilinear import fits, interpolate


def identity(shape: tuple[int, int, int], like: Tensor) -> Tensor:
    """Voxel coordinates (1, 3, I, J, K) of a grid, in the dtype and on the device of `like`."""
    axes = [torch.arange(n, dtype=like.dtype, device=like.device) for n in shape]
    return torch.stack(torch.meshgrid(*axes, indexing="ij"))[None]


def sample(volume: Tensor, coordinates: Tensor, mode: str = "bilinear", padding: str = "border") -> Tensor:
    """Values of `volume` (N, C, I, J, K) at voxel `coordinates` (N or 1, 3, ...3 axes): trilinear, edges held.

    mode "nearest" for labels; padding "zeros" to find out what lies outside.
    Returns (N, C, ...the coordinates' axes).
    """
    if mode == "bilinear" and padding == "border" and fits(volume, coordinates):
        return interpolate(volume, coordinates)
    grid = normalised(coordinates, volume.shape[2:]).expand(volume.shape[0], -1, -1, -1, -1)
    return F.grid_sample(volume, grid, mode=mode, padding_mode=padding, align_corners=True)


def normalised(coordinates: Tensor, shape: tuple[int, int, int]) -> Tensor:
    """Voxel coordinates (N, 3, ...) in torch's form: (N, ..., 3), last axis first, -1..1 over voxel centres."""
    # An axis of one voxel has no extent: every coordinate falls on that voxel.
    scales = [2.0 / (n - 1) if n > 1 else 0.0 for n in shape]
    shifts = [1.0 if n > 1 else 0.0 for n in shape]
    parts = [coordinates[:, c] * scales[c] - shifts[c] for c in (2, 1, 0)]
    return torch.stack(parts, dim=-1)


def warp(volume: Tensor, u: Tensor) -> Tensor:
    """volume(x + u(x)) on the grid that `volume` (N, C, I, J, K) and the displacement u (N, 3, I, J, K) share."""
    if fits(volume, u):
        return interpolate(volume, u, relative=True)
    return sample(volume, identity(tuple(u.shape[2:]), u) + u)


def compose(outer: Tensor, inner: Tensor) -> Tensor:
    """Displacement of outer o inner on the grid that both share: u_inner(x) + u_outer(x + u_inner(x))."""
    warped = warp(outer, inner)
    return inner + warped if warped.requires_grad else warped.add_(inner)
