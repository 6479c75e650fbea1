"""How rough a field of vectors is: the diffusion energy that losses and the optimisation weigh against agreement."""

from torch import Tensor


def roughness_of(u: Tensor) -> Tensor:
    """Squared forward differences, mean over samples, components and voxels, then added up over the three axes.

    u (N, C, I, J, K), at least two voxels along each axis (else NaN) -> a number, in the squared unit of u.
    Differentiable. Raises IndexError for what has no such axes.
    """
    return sum((u.diff(dim=axis) ** 2).mean() for axis in (2, 3, 4))
