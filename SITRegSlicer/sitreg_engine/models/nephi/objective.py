"""What NePhi minimises; every term is a function of the maps at sampled points.

Points are (P, D) in normalised coordinates. A map is any function of points to points.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from .latents import Latents

Map = Callable[[Tensor], Tensor]
_SMALL = 1e-6


def sampled_ncc(a: Tensor, b: Tensor, weights: Tensor) -> Tensor:
    """1 - correlation coefficient of values at points, 0..2; all (P,), weights 0..1: what counts."""
    weights = weights / weights.sum().clamp_min(_SMALL)
    a, b = (values - (weights * values).sum() for values in (a, b))
    variances = (weights * a * a).sum() * (weights * b * b).sum()
    return 1 - (weights * a * b).sum() / torch.sqrt(variances + _SMALL**2)


def patch_ncc(a: Tensor, b: Tensor, weights: Tensor, floor: float) -> Tensor:
    """1 - mean squared correlation coefficient within patches; all (patches, P), `floor` is added to variances."""
    total = weights.sum(dim=1, keepdim=True)
    shares = weights / total.clamp_min(_SMALL)
    a, b = (values - (shares * values).sum(dim=1, keepdim=True) for values in (a, b))
    variances = ((shares * a * a).sum(dim=1) + floor) * ((shares * b * b).sum(dim=1) + floor)
    agreement = (shares * a * b).sum(dim=1) ** 2 / variances
    importance = total[:, 0] / weights.shape[1]
    return 1 - (importance * agreement).sum() / importance.sum().clamp_min(_SMALL)


def gradicon(first: Map, second: Map, points: Tensor) -> Tensor:
    """Mean squared entry of the Jacobian of second(first(x)) - x, by automatic differentiation. (Tian et al. 2023.)"""
    points = points.detach().requires_grad_()
    error = second(first(points)) - points
    rows = [
        torch.autograd.grad(error[:, component].sum(), points, create_graph=True)[0]
        for component in range(points.shape[1])
    ]
    return torch.stack(rows).square().mean()


def latent_prior(latents: Latents) -> Tensor:
    """Norm of the global code, and mean norm of the local ones."""
    return latents.overall.norm() + latents.local.norm(dim=0).mean()
