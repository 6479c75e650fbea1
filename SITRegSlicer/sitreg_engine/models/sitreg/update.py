"""How one update of the half-way space changes all four maps."""

from torch import Tensor

from sitreg_engine.mappings import compose
from sitreg_engine.models.halfway import HalfWay

from .inversion import InversionConfig, invert_each


def updated(state: HalfWay | None, u_12: Tensor, u_21: Tensor, config: InversionConfig | None = None) -> HalfWay:
    """The state after the anti-symmetric update delta = u_12 o u_21^-1 of the half-way space; None = nothing moved yet.

    u_12 and u_21 (N, 3, I, J, K), in voxels, come from the same function of the images in their two orders. Swapping
    them, and left with right, swaps the result exactly: both halves go through the same operations.
    """
    # Solved one after the other: each stops by its own residual.
    spare: list[Tensor] = []
    inverse_12, inverse_21 = invert_each((u_12, u_21), config, spare)

    def composed(*maps: Tensor) -> Tensor:
        return compose(*maps, out=spare.pop() if spare else None)

    if state is None:
        delta, delta_inverse = composed(u_12, inverse_21), composed(u_21, inverse_12)
        return HalfWay(delta, delta_inverse, left_inverse=delta_inverse, right_inverse=delta)
    # Sampled at points off the grid, delta is evaluated as its two factors: its own interpolant would be less exact.
    return HalfWay(
        left=composed(state.left, u_12, inverse_21),
        right=composed(state.right, u_21, inverse_12),
        left_inverse=composed(u_21, inverse_12, state.left_inverse),
        right_inverse=composed(u_12, inverse_21, state.right_inverse),
    )
