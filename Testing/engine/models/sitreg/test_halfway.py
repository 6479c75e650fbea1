"""The half-way maps and their updates."""

import torch

from sitreg_engine.mappings import compose
from sitreg_engine.models.halfway import HalfWay
from sitreg_engine.models.sitreg.bounds import bound
from sitreg_engine.models.sitreg.splines import upsample
from sitreg_engine.models.sitreg.update import updated


def _fields(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Two smooth displacements (1, 3, 20, 16, 24) within the invertibility bound, in voxels."""
    control = torch.rand(2, 3, 5, 4, 6, generator=torch.Generator().manual_seed(seed)) * 2 - 1
    u = upsample(0.5 * bound((4, 4, 4)) * control, 4, (20, 16, 24))
    return u[:1], u[1:]


def _largest(u: torch.Tensor) -> float:
    return float(u.abs().max())


def test_the_first_update_is_that_of_a_state_in_which_nothing_has_moved():
    u_12, u_21 = _fields(0)
    zero = torch.zeros_like(u_12)
    first, general = updated(None, u_12, u_21), updated(HalfWay(zero, zero, zero, zero), u_12, u_21)
    for name in ("left", "right", "left_inverse", "right_inverse"):
        assert _largest(getattr(first, name) - getattr(general, name)) < 2e-5


def test_equal_fields_for_both_orders_move_nothing():
    u, _ = _fields(1)
    state = updated(None, u, u)
    assert _largest(state.left) < 1e-2
    assert _largest(state.forward()) < 2e-2


def test_opposite_translations_move_the_half_maps_by_their_difference():
    shift = torch.tensor([0.4, -0.2, 0.1]).reshape(1, 3, 1, 1, 1).expand(1, 3, 8, 8, 8)
    state = updated(updated(None, shift, -shift), shift, -shift)
    assert torch.allclose(state.left, 4 * shift, atol=1e-5)
    assert torch.allclose(state.right_inverse, 4 * shift, atol=1e-5)
    assert torch.allclose(state.forward(), 8 * shift, atol=1e-5)
    assert torch.allclose(state.inverse(), -8 * shift, atol=1e-5)


def test_swapping_the_fields_swaps_the_maps_bit_by_bit():
    there, back = None, None
    for seed in (0, 1, 2):
        u_12, u_21 = _fields(seed)
        there, back = updated(there, u_12, u_21), updated(back, u_21, u_12)
    assert torch.equal(there.forward(), back.inverse())
    assert torch.equal(there.left_inverse, back.right_inverse)


def test_after_several_updates_the_inverses_still_fit():
    state = None
    for seed in (0, 1, 2):
        state = updated(state, *_fields(seed))
    for outer, inner in ((state.left, state.left_inverse), (state.right_inverse, state.right)):
        assert float(compose(outer, inner).abs().mean()) < 2e-2
    assert _largest(state.left) > 0.5
