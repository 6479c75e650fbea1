"""The inverse of x -> x + u(x) as a layer: a fixed point, with gradients by the implicit function theorem.

The inverse's displacement v solves v(x) = -u(x + v(x)) at every voxel. When u's largest slope is below one (see
`bounds.py`) the right-hand side is a contraction in v, so there is exactly one solution, and the backward pass is
the solution of a linear fixed-point equation of the same kind. Only u and v are kept for it.
(Honkamaa & Marttinen: deformation inversion layer, MELBA 2024.)
"""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from sitreg_engine.mappings import warp

from .anderson import AndersonConfig, solve_fixed_point


@dataclass(frozen=True)
class InversionConfig:
    tolerance: float = 1e-2  # largest change of the last step, voxels; bounds the residual too
    backward_tolerance: float = 1e-2  # relative change of the gradient's last step
    solver: AndersonConfig = field(default_factory=AndersonConfig)


def invert(u: Tensor, config: InversionConfig | None = None) -> Tensor:
    """Displacement v of the inverse of x + u(x): u(x + v) + v = 0. Both (N, 3, I, J, K), in voxels.

    u must be a contraction. Differentiable once.
    """
    return _Inverse.apply(u, config or InversionConfig())


def solve_inverse(u: Tensor, config: InversionConfig | None = None) -> tuple[Tensor, int]:
    """`invert` without gradients: (v, evaluations of u that it took)."""
    config = config or InversionConfig()

    def is_done(residual: Tensor, _value: Tensor) -> bool:
        low, high = residual.aminmax()
        return bool((torch.maximum(-low, high)) < config.tolerance)

    with torch.no_grad():
        return solve_fixed_point(lambda v: warp(u, v).neg_(), -u, is_done, config.solver)


class _Inverse(torch.autograd.Function):
    @staticmethod
    def forward(ctx, u: Tensor, config: InversionConfig) -> Tensor:
        v, _ = solve_inverse(u, config)
        ctx.save_for_backward(u, v)
        ctx.config = config
        return v

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None]:
        u, v = (tensor.detach().requires_grad_() for tensor in ctx.saved_tensors)
        with torch.enable_grad():
            value = -warp(u, v)
        adjoint = _solve_adjoint(value, v, gradient, ctx.config)
        return torch.autograd.grad(value, u, adjoint)[0], None


def _solve_adjoint(value: Tensor, v: Tensor, gradient: Tensor, config: InversionConfig) -> Tensor:
    """w = gradient + (d value / d v)^T w, by reusing the graph of `value`."""

    def step(w: Tensor) -> Tensor:
        return gradient + torch.autograd.grad(value, v, w, retain_graph=True)[0]

    def is_done(residual: Tensor, w: Tensor) -> bool:
        return bool(residual.norm() < config.backward_tolerance * (w.norm() + 1e-5))

    return solve_fixed_point(step, torch.zeros_like(gradient), is_done, config.solver)[0]
