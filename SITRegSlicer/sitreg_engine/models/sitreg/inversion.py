"""The inverse of x -> x + u(x) as a layer: a fixed point, with gradients by the implicit function theorem.

The inverse's displacement v solves v(x) = -u(x + v(x)) at every voxel. When u's largest slope is below one (see
`bounds.py`) the right-hand side is a contraction in v, so there is exactly one solution. Its gradient comes from a
linear system of three equations at every voxel, which is solved exactly; only u and v are kept for it.
(Honkamaa & Marttinen: deformation inversion layer, MELBA 2024.)
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from sitreg_engine.mappings import warp, warped_derivatives
from sitreg_engine.trilinear import fits, interpolate_tile, tiles

from .anderson import WHOLE, AndersonConfig, Function, Part, solve_fixed_point


@dataclass(frozen=True)
class InversionConfig:
    tolerance: float = 1e-2  # largest change of the last step, voxels; bounds the residual too
    solver: AndersonConfig = field(default_factory=AndersonConfig)


def invert(u: Tensor, config: InversionConfig | None = None) -> Tensor:
    """Displacement v of the inverse of x + u(x): u(x + v) + v = 0. Both (N, 3, I, J, K), in voxels.

    u must be a contraction. Differentiable once.
    """
    return invert_each([u], config, [])[0]


def invert_each(fields: Sequence[Tensor], config: InversionConfig | None, spare: list[Tensor]) -> list[Tensor]:
    """`invert` of several fields of one shape, one after the other in the same memory, which is then in `spare`."""
    return [_Inverse.apply(u, config or InversionConfig(), spare) for u in fields]


def solve_inverse(
    u: Tensor, config: InversionConfig | None = None, spare: list[Tensor] | None = None
) -> tuple[Tensor, int]:
    """`invert` without gradients: (v, evaluations of u that it took). `spare`: see `solve_fixed_point`.

    Raises ValueError for what is no field of displacements.
    """
    if u.ndim != 5 or u.shape[1] != 3:
        raise ValueError(f"Displacements (N, 3, I, J, K) were expected, got {tuple(u.shape)}: one channel an axis.")
    config = config or InversionConfig()
    # Solved for w = -v, so that u itself is where to start.
    with torch.no_grad():
        backward, parts = _sampled_backward(u)
        w, evaluations = solve_fixed_point(backward, u, config.tolerance, config.solver, parts, spare)
        return w.neg_(), evaluations


def _sampled_backward(u: Tensor) -> tuple[Function, Sequence[Part]]:
    """The function w -> u(x - w(x)), and the parts of the grid for which it can be asked."""
    if not fits(u, u):
        return lambda w, _, out: out.copy_(warp(u, -w)), WHOLE
    volume = u.contiguous()

    def function(w: Tensor, part: Part, out: Tensor) -> None:
        interpolate_tile(volume, w, part[2:], out, sign=-1.0)

    return function, [(slice(None), slice(None), *tile) for tile in tiles(u.shape[2:])]


class _Inverse(torch.autograd.Function):
    @staticmethod
    def forward(ctx, u: Tensor, config: InversionConfig, spare: list[Tensor]) -> Tensor:
        v, _ = solve_inverse(u, config, spare)
        ctx.save_for_backward(u, v)
        ctx.config = config
        return v

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None, None]:
        u, v = ctx.saved_tensors
        pulled = _through_transpose(warped_derivatives(u, v), gradient)
        with torch.enable_grad():
            leaf = u.detach().requires_grad_()
            value = warp(leaf, v)
        return torch.autograd.grad(value, leaf, -pulled)[0], None, None


def _through_transpose(derivatives: list[Tensor], gradient: Tensor) -> Tensor:
    """w of (I + G)^T w = gradient at every voxel, G_ca = derivatives[a][:, c]; (N, 3, I, J, K).

    v(x) = -u(x + v(x)) ties the values at one voxel alone, so its implicit derivative is a 3x3 system per voxel.
    """
    rows = [derivative.unbind(dim=1) for derivative in derivatives]
    rows = [[part + 1 if c == axis else part for c, part in enumerate(row)] for axis, row in enumerate(rows)]
    normals = [_cross(rows[(axis + 1) % 3], rows[(axis + 2) % 3]) for axis in range(3)]
    determinant = _dot(rows[0], normals[0])
    scaled = [part / determinant for part in gradient.unbind(dim=1)]
    return torch.stack([_dot(scaled, [normal[c] for normal in normals]) for c in range(3)], dim=1)


def _cross(a: list[Tensor], b: list[Tensor]) -> list[Tensor]:
    return [(a[(c + 1) % 3] * b[(c + 2) % 3]).addcmul_(a[(c + 2) % 3], b[(c + 1) % 3], value=-1) for c in range(3)]


def _dot(a: list[Tensor], b: list[Tensor]) -> Tensor:
    return (a[0] * b[0]).addcmul_(a[1], b[1]).addcmul_(a[2], b[2])
