"""Displacement fields on voxel grids, in torch: sampling, identity, composition.

A map x -> x + u(x) is stored as its displacement u, a tensor (N, 3, I, J, K) in VOXELS, channel c along
axis c. Outside the grid the nearest edge value holds (a homeomorphism stays one), coordinates of the map
itself are never clamped. Notation: (f o g)(x) = f(g(x)).
"""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor

from .parallel import in_parallel
from .trilinear import chained, fits, interpolate

_TRILINEAR_HELD = {"mode": "bilinear", "padding_mode": "border", "align_corners": True}
_BY_NUMBER = (0, 1, True)  # the same for torch's inner functions
_PARTS = 4  # of an output, whose gradients are found side by side


def identity(shape: tuple[int, int, int], like: Tensor) -> Tensor:
    """Voxel coordinates (1, 3, I, J, K) of a grid, in the dtype and on the device of `like`."""
    axes = [torch.arange(n, dtype=like.dtype, device=like.device) for n in shape]
    return torch.stack(torch.meshgrid(*axes, indexing="ij"))[None]


def squared_lengths(vectors: Tensor) -> Tensor:
    """Of vectors (3, ...), (...). On a CPU torch's norm takes a hundred times as long across the first axis."""
    return vectors.square().sum(dim=0)


def voxels_of(numbers: Tensor, shape: tuple[int, int, int]) -> Tensor:
    """Voxel indices (3, P) of flat numbers (P,) in a grid, int64."""
    return torch.stack([numbers // (shape[1] * shape[2]), numbers // shape[2] % shape[1], numbers % shape[2]])


def sample(volume: Tensor, coordinates: Tensor, mode: str = "bilinear", padding: str = "border") -> Tensor:
    """Values of `volume` (N, C, I, J, K) at voxel `coordinates` (N or 1, 3, ...3 axes): trilinear, edges held.

    mode "nearest" for labels; padding "zeros" to find out what lies outside. Differentiable once.
    Returns (N, C, ...the coordinates' axes).
    """
    if mode == "bilinear" and padding == "border":
        return _interpolated(volume, coordinates, False)
    grid = normalised(coordinates, volume.shape[2:]).expand(volume.shape[0], -1, -1, -1, -1)
    return F.grid_sample(volume, grid, mode=mode, padding_mode=padding, align_corners=True)


def warp(volume: Tensor, u: Tensor) -> Tensor:
    """volume(x + u(x)) on the grid that `volume` (N, C, I, J, K) and the displacement u (N, 3, I, J, K) share."""
    return _interpolated(volume, u, True)


def _interpolated(volume: Tensor, places: Tensor, relative: bool) -> Tensor:
    if torch.is_grad_enabled() and (volume.requires_grad or places.requires_grad):
        return _Interpolation.apply(volume, places, relative)
    if fits(volume, places):
        return interpolate(volume, places, relative)
    return F.grid_sample(volume, _grid(volume, places, relative), **_TRILINEAR_HELD)


def _grid(volume: Tensor, places: Tensor, relative: bool) -> Tensor:
    """Places, or displacements from the voxels of the grid, as torch's sampler takes them."""
    if not relative:
        return normalised(places, volume.shape[2:]).expand(volume.shape[0], -1, -1, -1, -1)
    grid = torch.empty_like(places)
    for axis, (size, scale) in enumerate(zip(volume.shape[2:], _scales(volume.shape[2:]), strict=True)):
        shape = [-1 if a == axis else 1 for a in range(3)]
        own = torch.arange(size, dtype=places.dtype, device=places.device) * scale - float(size > 1)
        torch.add(own.reshape(shape), places[:, axis], alpha=scale, out=grid[:, 2 - axis])
    return grid.movedim(1, -1)


def _scales(shape: tuple[int, int, int]) -> list[float]:
    """One voxel along each axis, in torch's coordinates from -1 to 1."""
    # An axis of one voxel has no extent: every coordinate falls on that voxel.
    return [2.0 / (n - 1) if n > 1 else 0.0 for n in shape]


class _Interpolation(torch.autograd.Function):
    """Keeps nothing but its two arguments: torch's own would keep the positions in two more forms."""

    @staticmethod
    def forward(ctx, volume: Tensor, places: Tensor, relative: bool) -> Tensor:
        ctx.save_for_backward(volume, places)
        ctx.relative = relative
        return _interpolated(volume, places, relative)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        volume, places = ctx.saved_tensors
        wanted = list(ctx.needs_input_grad[:2])
        by_volume, by_grid = _backward(gradient, volume, _grid(volume, places, ctx.relative), wanted)
        return by_volume if wanted[0] else None, _by_places(by_grid, volume, places) if wanted[1] else None, None


def _backward(gradient: Tensor, volume: Tensor, grid: Tensor, wanted: list[bool]) -> tuple[Tensor, Tensor]:
    """Gradients by the volume and by the grid; undefined where not wanted.

    On a CPU torch uses one core for a sample. There, parts of the output are worked on side by side: always the same
    parts, for the same sum whatever the number of cores.
    """
    size = gradient.shape[2]
    steps = _PARTS if volume.device.type == "cpu" else 1
    cuts = [size * n // steps for n in range(steps + 1)]

    def part(start: int, stop: int) -> tuple[Tensor, Tensor]:
        given = gradient[:, :, start:stop].contiguous()
        return torch.ops.aten.grid_sampler_3d_backward(given, volume, grid[:, start:stop], *_BY_NUMBER, wanted)

    parts = in_parallel(lambda ends: part(*ends), [ends for ends in pairwise(cuts) if ends[0] < ends[1]])
    by_volume, *others = (by_volume for by_volume, _ in parts)
    if wanted[0]:
        for other in others:
            by_volume += other
    return by_volume, torch.cat([by_grid for _, by_grid in parts], dim=1) if wanted[1] else parts[0][1]


def _by_places(by_grid: Tensor, volume: Tensor, places: Tensor) -> Tensor:
    """The gradient by torch's form of positions, as that by voxel positions of the shape of `places`."""
    found = by_grid.new_empty(by_grid.shape[0], 3, *places.shape[2:])
    for axis, scale in enumerate(_scales(volume.shape[2:])):
        torch.mul(by_grid[..., 2 - axis], scale, out=found[:, axis])
    return found if found.shape[0] == places.shape[0] else found.sum(dim=0, keepdim=True)


def warped_derivatives(u: Tensor, v: Tensor) -> list[Tensor]:
    """Derivatives of the interpolated u (N, 3, I, J, K) along each axis, at x + v(x); zero beyond the edges.

    Between two voxels the derivative along an axis is their difference, interpolated along the other two.
    """
    found, places = [], identity(tuple(v.shape[2:]), v) + v
    for axis, size in enumerate(u.shape[2:]):
        if size == 1:
            found.append(torch.zeros_like(v))
            continue
        along = places[:, axis]
        cells = places.clone()
        cells[:, axis] = along.floor().clamp(0, size - 2)
        inside = (along >= 0) & (along <= size - 1)
        found.append(sample(u.diff(dim=axis + 2), cells) * inside[:, None])
    return found


def normalised(coordinates: Tensor, shape: tuple[int, int, int]) -> Tensor:
    """Voxel coordinates (N, 3, ...) in torch's form: (N, ..., 3), last axis first, -1..1 over voxel centres."""
    scales = _scales(shape)
    shifts = [1.0 if n > 1 else 0.0 for n in shape]
    parts = [coordinates[:, c] * scales[c] - shifts[c] for c in (2, 1, 0)]
    return torch.stack(parts, dim=-1)


def compose(*maps: Tensor, out: Tensor | None = None) -> Tensor:
    """Displacement of maps[0] o maps[1] o ... on the grid that all share; two of them: u_1(x) + u_0(x + u_1(x)).

    Displacements (N, 3, I, J, K) in voxels. `out`: memory that the result may take, none of the maps'; memory that has
    been used before costs less than new one.
    """
    *outer, inner = maps
    if all(fits(u, inner) for u in maps):
        return chained(maps, out)
    for u in reversed(outer):
        inner = inner + warp(u, inner)
    return inner
