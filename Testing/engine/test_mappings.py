"""Displacement fields in voxels: sampling, identity, composition."""

import pytest
import torch

from sitreg_engine import mappings

SHAPE = (5, 6, 7)


def smooth(scale: float, shape=SHAPE, phase: float = 0.0) -> torch.Tensor:
    """A smooth displacement (1, 3, I, J, K) that vanishes towards the border."""
    i, j, k = mappings.identity(shape, torch.zeros(1, dtype=torch.float64))[0]
    window = torch.ones_like(i)
    for axis, n in zip((i, j, k), shape, strict=True):
        window = window * torch.sin(torch.pi * axis / (n - 1)) ** 2
    return scale * torch.stack([window, -window * torch.cos(j / 3 + phase), 0.5 * window])[None]


def test_the_identity_counts_voxels_along_each_axis():
    coordinates = mappings.identity(SHAPE, torch.zeros(1))
    assert coordinates.shape == (1, 3, *SHAPE)
    assert coordinates[0, :, 1, 2, 3].tolist() == [1, 2, 3]


def test_lengths_are_those_of_the_vectors_across_the_first_axis():
    vectors = torch.tensor([[3.0, 0.0], [4.0, 0.0], [12.0, -2.0]]).reshape(3, 1, 2)
    assert mappings.squared_lengths(vectors).tolist() == [[169.0, 4.0]]
    assert mappings.squared_lengths(torch.tensor([0.0, float("nan"), 1.0])).isnan()


def test_sampling_at_the_identity_returns_the_volume():
    volume = torch.rand(2, 4, *SHAPE, dtype=torch.float64)
    sampled = mappings.sample(volume, mappings.identity(SHAPE, volume))
    torch.testing.assert_close(sampled, volume)


def test_sampling_is_trilinear():
    i, j, k = mappings.identity(SHAPE, torch.zeros(1, dtype=torch.float64))[0]
    volume = (2 * i - j + 3 * k + i * j * k)[None, None]
    point = torch.tensor([1.25, 2.5, 3.75], dtype=torch.float64).reshape(1, 3, 1, 1, 1)
    assert mappings.sample(volume, point).item() == pytest.approx(2.5 - 2.5 + 11.25 + 1.25 * 2.5 * 3.75)


@pytest.mark.parametrize("padding, expected", [("border", 1.0), ("zeros", 0.0)])
def test_beyond_the_edge_the_padding_decides(padding, expected):
    point = torch.tensor([-3.0, 2.0, 20.0]).reshape(1, 3, 1, 1, 1)
    assert mappings.sample(torch.ones(1, 1, *SHAPE), point, padding=padding).item() == expected


def test_nearest_never_blends_labels():
    labels = torch.tensor([0.0, 7.0]).reshape(1, 1, 2, 1, 1)
    points = torch.linspace(0, 1, 9).reshape(1, 1, 9, 1, 1) * torch.tensor([1.0, 0, 0]).reshape(1, 3, 1, 1, 1)
    assert set(mappings.sample(labels, points, mode="nearest").flatten().tolist()) == {0.0, 7.0}


def test_an_axis_of_one_voxel_has_no_extent():
    volume = torch.tensor([1.0, 3.0]).reshape(1, 1, 1, 2, 1)
    point = torch.tensor([5.0, 0.5, -2.0]).reshape(1, 3, 1, 1, 1)
    assert mappings.sample(volume, point).item() == 2.0


def test_composition_with_the_identity_changes_nothing():
    field, nothing = smooth(0.4), torch.zeros(1, 3, *SHAPE, dtype=torch.float64)
    torch.testing.assert_close(mappings.compose(field, nothing), field)
    torch.testing.assert_close(mappings.compose(nothing, field), field)


def test_translations_add_up():
    a = torch.tensor([1.0, 0.5, -2.0]).reshape(1, 3, 1, 1, 1).expand(1, 3, *SHAPE)
    b = torch.tensor([0.25, 3.0, 1.0]).reshape(1, 3, 1, 1, 1).expand(1, 3, *SHAPE)
    torch.testing.assert_close(mappings.compose(a, b), a + b)


def test_composition_applies_the_inner_map_first():
    i = mappings.identity(SHAPE, torch.zeros(1, dtype=torch.float64))[:, :1]
    doubling = torch.cat([i, 0 * i, 0 * i], dim=1)  # x -> 2x along the first axis
    shift = torch.zeros(1, 3, *SHAPE, dtype=torch.float64)
    shift[:, 0] = 1.0
    doubled_after_shift = mappings.compose(doubling, shift) + mappings.identity(SHAPE, shift)
    assert doubled_after_shift[0, 0, 2, 0, 0] == 6.0  # 2 (2 + 1)


def test_a_volume_is_warped_by_looking_where_each_voxel_comes_from():
    volume, u = torch.rand(1, 2, *SHAPE, dtype=torch.float64), smooth(0.4)
    expected = mappings.sample(volume, mappings.identity(SHAPE, u) + u)
    torch.testing.assert_close(mappings.warp(volume, u), expected)


def test_composition_is_associative_up_to_interpolation():
    shape = (24, 24, 24)
    a, b, c = (smooth(0.5, shape, phase) for phase in (0.0, 1.0, 2.0))
    left = mappings.compose(mappings.compose(a, b), c)
    right = mappings.compose(a, mappings.compose(b, c))
    assert (left - right).abs().max() < 0.02


def test_the_gradient_of_sampling_is_right():
    volume = torch.rand(2, 2, 3, 4, 3, dtype=torch.float64, requires_grad=True)
    places = (3 * torch.rand(1, 3, 2, 3, 2, dtype=torch.float64) - 0.4).requires_grad_()
    assert torch.autograd.gradcheck(mappings.sample, (volume, places))


@pytest.mark.parametrize("planes", [3, 7])
def test_the_gradient_of_warping_is_right(planes):
    volume = torch.rand(2, 2, planes, 4, 3, dtype=torch.float64, requires_grad=True)
    u = (2 * torch.rand(2, 3, planes, 4, 3, dtype=torch.float64) - 1).requires_grad_()
    assert torch.autograd.gradcheck(mappings.warp, (volume, u))


def test_derivatives_of_a_warped_field_are_those_of_its_interpolation():
    u, v = torch.rand(1, 3, 4, 5, 3, dtype=torch.float64), 3 * torch.rand(1, 3, 4, 5, 3, dtype=torch.float64) - 1.5
    v.requires_grad_()
    value = mappings.warp(u, v)
    for channel in range(3):
        by_torch = torch.autograd.grad(value[:, channel].sum(), v, retain_graph=True)[0]
        found = torch.stack([d[:, channel] for d in mappings.warped_derivatives(u, v.detach())], dim=1)
        torch.testing.assert_close(found, by_torch)


def test_sampling_keeps_nothing_but_its_arguments_for_the_gradient():
    volume, u, kept = torch.rand(1, 3, *SHAPE), torch.rand(1, 3, *SHAPE, requires_grad=True), []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t.data_ptr()) or t, lambda t: t):
        mappings.warp(volume, u)
    assert set(kept) == {volume.data_ptr(), u.data_ptr()}
