"""What S-Net asks of its half-way displacement u (N, 3, I, J, K), in voxels: smooth, small, without folds either way.

(Sui et al. 2021; the weights that the paper lost are in configs/snet_brain_t1.toml.)
"""

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor

from sitreg_engine.errors import InputError
from sitreg_engine.models.snet.network import SNetRegistration
from sitreg_engine.training.scored import Scored
from sitreg_engine.training.settings import LossSettings


def laplacian(scored: Scored, settings: LossSettings) -> Tensor:
    """Squared Laplacian of u. Raises InputError for models that have no such displacement, as do the others."""
    return _mean([squared_laplacian(u) for u in _displacements(scored, settings)])


def zero(scored: Scored, settings: LossSettings) -> Tensor:
    """Squared length of u: what is not needed shall not move."""
    return _mean([squared_length(u) for u in _displacements(scored, settings)])


def anti_fold(scored: Scored, settings: LossSettings) -> Tensor:
    """Folding of the way to the template, u, and of that to the subject, -u, along each axis.

    The paper looks at u alone. But id - u folds where u expands, and that it would never see.
    """
    return _mean([two_sided_folding(u) for u in _displacements(scored, settings)])


def squared_laplacian(u: Tensor) -> Tensor:
    """Mean over inner voxels of |sum of the three second central differences|^2."""
    inner = u[:, :, 1:-1, 1:-1, 1:-1]
    if not inner.numel():
        return u.new_zeros(())
    neighbours = (
        *(u[:, :, 2:, 1:-1, 1:-1], u[:, :, :-2, 1:-1, 1:-1]),
        *(u[:, :, 1:-1, 2:, 1:-1], u[:, :, 1:-1, :-2, 1:-1]),
        *(u[:, :, 1:-1, 1:-1, 2:], u[:, :, 1:-1, 1:-1, :-2]),
    )
    return (sum(neighbours) - 6 * inner).square().sum(dim=1).mean()


def squared_length(u: Tensor) -> Tensor:
    """Mean over voxels of |u|^2."""
    return u.square().sum(dim=1).mean()


def folding(u: Tensor) -> Tensor:
    """Sum over axes of the mean of |du_i/dx_i + 1| |du_i/dx_i|^2 where du_i/dx_i is below -1; forward differences.

    Zero as long as x_i + u_i never turns back along axis i. (Zhang 2018, ICNet, as S-Net's paper words it.)
    """
    return _over_axes(u, lambda slope: F.relu(-slope - 1) * slope.square())


def two_sided_folding(u: Tensor) -> Tensor:
    """folding(u) + folding(-u): zero as long as |du_i/dx_i| <= 1."""
    return _over_axes(u, lambda slope: F.relu(slope.abs() - 1) * slope.square())


def _over_axes(u: Tensor, measure: Callable[[Tensor], Tensor]) -> Tensor:
    slopes = [u[:, axis].diff(dim=axis + 1) for axis in range(3)]
    return sum((measure(slope).mean() for slope in slopes if slope.numel()), u.new_zeros(()))


def _displacements(scored: Scored, settings: LossSettings) -> list[Tensor]:
    found = [pairing.registration for pairing in scored.pairings]
    if not all(isinstance(registration, SNetRegistration) for registration in found):
        raise InputError(
            f"The loss {settings.name} is on the half-way displacement of S-Net, which this model does not have: set "
            'model = "snet", or take diffusion or negative_jacobian instead.'
        )
    return [registration.displacement for registration in found]


def _mean(values: list[Tensor]) -> Tensor:
    return sum(values) / len(values)
