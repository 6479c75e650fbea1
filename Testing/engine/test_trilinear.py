"""Trilinear interpolation as two bilinear ones, against torch's own, point by point in float64."""

import pytest
import torch
import torch.nn.functional as F

from sitreg_engine.mappings import compose, identity, normalised, sample
from sitreg_engine.trilinear import chained, fits, interpolate, interpolate_tile, tiles


def by_torch(volume: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    volume, places = volume.double(), places.double()
    grid = normalised(places, volume.shape[2:]).expand(volume.shape[0], -1, -1, -1, -1)
    return F.grid_sample(volume, grid, padding_mode="border", align_corners=True)


def noise(*shape: int, seed: int = 0, size: float = 1.0) -> torch.Tensor:
    return size * torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("shape", [(40, 48, 56), (2, 9, 2), (33, 2, 5), (5, 200, 210)])
@pytest.mark.parametrize("size", [0.3, 4.0, 300.0])
def test_it_is_what_torch_finds_point_by_point(shape, size):
    volume, moved = noise(2, 3, *shape), noise(2, 3, *shape, seed=1, size=size)
    places = identity(shape, volume) + moved
    expected = by_torch(volume, places)
    assert (interpolate(volume, places) - expected).abs().max() < 2e-3  # of noise with slopes of several units
    assert (interpolate(volume, moved, relative=True) - expected).abs().max() < 2e-3


def test_smooth_fields_are_found_to_a_ten_thousandth():
    shape = (48, 64, 60)
    field = F.interpolate(noise(1, 3, 6, 8, 7), shape, mode="trilinear", align_corners=True)
    moved = F.interpolate(noise(1, 3, 6, 8, 7, seed=1), shape, mode="trilinear", align_corners=True)
    expected = by_torch(field, identity(shape, field) + moved)
    assert (interpolate(field, moved, relative=True) - expected).abs().max() < 1e-4


def test_in_float64_it_is_exact():
    shape = (20, 30, 11)
    volume, moved = noise(1, 2, *shape).double(), noise(1, 3, *shape, seed=1, size=3).double()
    expected = by_torch(volume, identity(shape, volume) + moved)
    torch.testing.assert_close(interpolate(volume, moved, relative=True), expected, rtol=0, atol=1e-11)


def test_places_may_be_on_any_grid_and_turned_in_any_way():
    volume = noise(1, 2, 40, 50, 60)
    turn = torch.linalg.qr(noise(3, 3, seed=2))[0]
    places = (turn @ (identity((21, 34, 45), volume)[0].reshape(3, -1) - 20) + 25).reshape(1, 3, 21, 34, 45)
    assert (interpolate(volume, places) - by_torch(volume, places)).abs().max() < 1e-3


def test_scattered_points_are_found_too():
    volume, places = noise(1, 3, 30, 40, 50), noise(1, 3, 9000, 1, 1, seed=1, size=30)
    assert (interpolate(volume, places) - by_torch(volume, places)).abs().max() < 1e-3


def test_one_set_of_places_serves_all_volumes():
    volume, places = noise(3, 1, 8, 9, 10), noise(1, 3, 4, 5, 6, seed=1, size=5)
    assert (interpolate(volume, places) - by_torch(volume, places)).abs().max() < 1e-4


def test_whole_voxels_along_planes_and_rows_are_found_without_rounding():
    volume = noise(1, 1, 12, 200, 9)
    exact = interpolate(volume, identity((12, 200, 9), volume))
    assert (exact - volume).abs().max() < 1e-5  # the third axis is torch's own


def test_a_place_that_is_no_number_spoils_no_other():
    volume, places = noise(1, 1, 8, 8, 8), identity((8, 8, 8), torch.zeros(1)).clone()
    places[0, 0, 3, 3, 3] = float("nan")
    expected = volume.clone()
    found = interpolate(volume, places)
    expected[0, 0, 3, 3, 3] = found[0, 0, 3, 3, 3]
    torch.testing.assert_close(found, expected, equal_nan=True)


def test_it_is_the_same_on_one_core_and_on_several():
    shape = (40, 100, 100)
    volume, moved = noise(1, 3, *shape), noise(1, 3, *shape, seed=1, size=2)
    threads = torch.get_num_threads()
    try:
        found = []
        for count in (1, 2):
            torch.set_num_threads(count)
            found.append(interpolate(volume, moved, relative=True))
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(*found)


def test_gradients_are_left_to_torch():
    volume, places = noise(1, 1, 5, 5, 5), identity((5, 5, 5), torch.zeros(1))
    assert fits(volume, places)
    assert not fits(volume.requires_grad_(), places)
    with torch.no_grad():
        assert fits(volume, places)
    sample(volume, places).sum().backward()
    assert volume.grad.sum() == pytest.approx(125)


def test_a_volume_of_one_plane_is_left_to_torch():
    volume = noise(1, 1, 1, 5, 5)
    assert not fits(volume, identity((1, 5, 5), volume))
    assert torch.equal(sample(volume, identity((1, 5, 5), volume)), volume)


def test_composition_is_the_same_with_and_without_gradients():
    outer, inner = noise(1, 3, 12, 13, 14), noise(1, 3, 12, 13, 14, seed=1)
    with_gradients = compose(outer, inner.clone().requires_grad_())
    torch.testing.assert_close(compose(outer, inner), with_gradients.detach(), rtol=0, atol=1e-4)


def test_a_chain_of_maps_is_one_composition_after_the_other():
    maps = [noise(2, 3, 12, 140, 150, seed=seed) for seed in range(3)]
    assert torch.equal(chained(maps), compose(maps[0], compose(maps[1], maps[2])))
    with_gradients = compose(maps[0], maps[1], maps[2].clone().requires_grad_())
    torch.testing.assert_close(chained(maps), with_gradients.detach(), rtol=0, atol=2e-3)


def test_a_chain_may_be_written_over_what_is_no_longer_needed():
    maps, used = [noise(1, 3, 8, 9, 10, seed=seed) for seed in range(2)], noise(1, 3, 8, 9, 10, seed=3)
    expected = chained(maps)
    assert compose(*maps, out=used) is used
    assert torch.equal(used, expected)


def test_tiles_make_up_the_whole():
    for shape in ((5, 6, 7), (40, 100, 100), (3, 400, 500)):
        seen = torch.zeros(shape)
        for tile in tiles(shape):
            seen[tile] += 1
        assert bool((seen == 1).all())


def test_a_tile_alone_is_that_part_of_the_whole():
    volume, moved = noise(1, 3, 12, 130, 140), noise(1, 3, 12, 130, 140, seed=1)
    whole = interpolate(volume, moved, relative=True)
    for tile in tiles(moved.shape[2:]):
        part = (..., *tile, slice(None))
        for sign in (1.0, -1.0):
            found = interpolate_tile(volume, sign * moved[part], tile, torch.empty_like(whole[part]), sign)
            assert torch.equal(found, whole[part])


def test_chains_of_fields_of_different_sizes_are_refused():
    with pytest.raises(ValueError, match="common grid"):
        chained([noise(1, 3, 4, 5, 6), noise(1, 3, 4, 5, 7)])
