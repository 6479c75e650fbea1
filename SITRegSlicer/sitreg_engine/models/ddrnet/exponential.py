"""A stationary velocity field and its flow, by scaling and squaring (Arsigny et al., MICCAI 2006)."""

from torch import Tensor

from sitreg_engine.mappings import compose
from sitreg_engine.models.halfway import HalfWay


def exponential(v: Tensor, squarings: int) -> Tensor:
    """exp(v) as a displacement (N, 3, I, J, K) of the velocity's shape, both in voxels: v / 2^n, composed with itself.

    The inverse is exponential(-v), exactly so between voxels only in the limit of a fine grid.
    """
    u = v / 2**squarings
    for _ in range(squarings):
        u = compose(u, u)
    return u


def halves(v: Tensor, squarings: int) -> HalfWay:
    """The flow of v, from the middle of its time to both ends and back.

    forward() then is exp(v) by `squarings` of them: the last one composes the two halves.
    """
    onward, back = (exponential(half, squarings - 1) for half in (v / 2, v / -2))
    return HalfWay(left=onward, right=back, left_inverse=back, right_inverse=onward)
