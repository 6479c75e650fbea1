"""Features side by side: fetched as rows they are what sampling channel by channel finds."""

import pytest
import torch

from sitreg_engine.models.halfway import HalfWay
from sitreg_engine.models.sitreg.affine_head import HalfAffines
from sitreg_engine.models.sitreg.comparing import compared

SHAPE = (19, 24, 17)


def _noise(*shape: int, seed: int, size: float = 1.0) -> torch.Tensor:
    return size * torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def _state(samples: int = 1, size: float = 2.0) -> HalfWay:
    return HalfWay(*(_noise(samples, 3, *SHAPE, seed=seed, size=size) for seed in range(4)))


def _features(scale: int, channels: int = 5, samples: int = 1) -> list[torch.Tensor]:
    shape = [-(-n // scale) for n in SHAPE]
    found = (_noise(samples, channels, *shape, seed=seed) for seed in (10, 11))
    return [x.contiguous(memory_format=torch.channels_last_3d) for x in found]


def _expected(features, state, affines, scale):
    """Sampled channel by channel, as where gradients are wanted."""
    tracked = compared([x.requires_grad_() for x in features], state, affines, scale)
    assert all(x.requires_grad for x in tracked)
    return [x.detach() for x in tracked]


@pytest.mark.parametrize("scale", [1, 2, 4])
@pytest.mark.parametrize("size", [0.5, 30.0])
def test_rows_are_what_sampling_finds(scale, size):
    state = _state(2, size)
    expected = _expected(_features(scale, samples=2), state, None, scale)
    for found, wanted in zip(compared(_features(scale, samples=2), state, None, scale), expected, strict=True):
        torch.testing.assert_close(found, wanted, rtol=0, atol=2e-4)
        assert found.is_contiguous(memory_format=torch.channels_last_3d)


def test_the_affine_halves_are_taken_along():
    turn = torch.linalg.qr(_noise(3, 3, seed=5))[0][None]
    left = torch.cat([turn, torch.full((1, 3, 1), 4.0)], dim=2)
    right = torch.cat([turn.mT, torch.full((1, 3, 1), -3.0)], dim=2)
    for state in (None, _state()):
        found = compared(_features(2), state, HalfAffines(left, right), 2)
        expected = _expected(_features(2), state, HalfAffines(left, right), 2)
        torch.testing.assert_close(list(found), expected, rtol=0, atol=2e-4)


def test_nothing_has_moved_at_first():
    first, second = _features(4)
    difference, total = compared([first, second], None, None, 4)
    assert torch.equal(difference, first - second)
    assert torch.equal(total, first + second)


def test_exchanging_the_images_changes_the_sign_of_the_difference_alone():
    first, second = _features(1)
    state = _state()
    exchanged = HalfWay(state.right, state.left, state.right_inverse, state.left_inverse)
    there, back = compared([first, second], state, None, 1), compared([second, first], exchanged, None, 1)
    assert torch.equal(there[0], -back[0])
    assert torch.equal(there[1], back[1])


@pytest.mark.parametrize("scale", [1, 4])
def test_they_are_rounded_once_to_the_format_asked_for(scale):
    for state in (None, _state()):
        exact = compared(_features(scale), state, None, scale)
        rounded = compared(_features(scale), state, None, scale, torch.bfloat16)
        for found, wanted in zip(rounded, exact, strict=True):
            assert torch.equal(found, wanted.bfloat16())
            assert found.is_contiguous(memory_format=torch.channels_last_3d)


def test_the_features_are_let_go():
    features = _features(1)
    compared(features, _state(), None, 1)
    assert features == []
