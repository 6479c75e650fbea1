import torch

from sitreg_engine.models.halfway import HalfWay
from sitreg_engine.models.nephi.maps import grid_points, half_extents, in_units, on_grid, to_normalised
from sitreg_engine.refine.topology import smoothed_at


def test_the_size_of_the_blocks_changes_nothing(moving_mlp, codes):
    with torch.no_grad():
        results = [on_grid(moving_mlp(1), codes(), (6, 7, 8), block=block) for block in (1, 50, 10_000)]
    assert results[0].abs().max() > 0.01
    for other in results[1:]:
        torch.testing.assert_close(results[0], other, atol=1e-6, rtol=0)


def test_common_points_of_two_resolutions_get_the_same_displacement(moving_mlp, codes):
    with torch.no_grad():
        coarse, fine = (on_grid(moving_mlp(1), codes(), shape) for shape in ((5, 6, 7), (9, 11, 13)))
    # A step of the fine grid is half a step of the coarse one.
    torch.testing.assert_close(2 * coarse, fine[:, :, ::2, ::2, ::2], atol=1e-5, rtol=0)


def test_the_grid_s_values_are_the_map_s_in_voxels(moving_mlp, codes):
    mlp, shape = moving_mlp(1), (4, 5, 6)
    with torch.no_grad():
        found = on_grid(mlp, codes(), shape)
        point = grid_points(torch.tensor([(2 * 5 + 3) * 6 + 1]), shape, found)
        expected = mlp(point, codes())[0] * torch.tensor([1.5, 2.0, 2.5])
    torch.testing.assert_close(found[0, :, 2, 3, 1], expected, atol=1e-6, rtol=0)


def test_blocks_keep_gradients_in_training(moving_mlp, codes):
    mlp = moving_mlp(1)
    on_grid(mlp, codes(), (4, 4, 4), block=10).square().sum().backward()
    assert all(p.grad is not None for p in mlp.parameters())


def test_normalised_coordinates_reach_from_the_first_to_the_last_voxel():
    like = torch.zeros(())
    ends = to_normalised(torch.tensor([[0.0, 0, 0], [4, 6, 0]]), (5, 7, 1))
    assert ends.tolist() == [[-1, -1, 0], [1, 1, 0]] and half_extents((5, 7, 1), like).tolist() == [2, 3, 0]
    assert in_units(torch.tensor([[1.0, 1, 1]]), (5, 9, 1)).tolist() == [[0.5, 0.25, 0]]
    assert grid_points(torch.tensor([34]), (5, 7, 1), like).tolist() == [[1, 1, 0]]


def test_the_half_way_maps_are_the_whole_way_and_nothing(moving_maps):
    with torch.no_grad():
        halfway = moving_maps().halfway((5, 6, 7))
    assert not halfway.right.any() and not halfway.right_inverse.any()
    assert halfway.left.abs().max() > 0.01 and halfway.left_inverse.abs().max() > 0.01


def test_smoothing_away_a_fold_leaves_the_still_half_alone():
    left = torch.zeros(1, 3, 12, 12, 12)
    left[0, 0, 6, 6, 6] = 3.0  # beyond its neighbours
    still, where = torch.zeros_like(left), left[:, :1] > 0
    found = smoothed_at(HalfWay(left, still, -left, still), where)
    assert not found.right.any() and not found.right_inverse.any()
    assert 0 < found.left.max() < 1 and bool(found.left_inverse.isfinite().all())


def test_they_lie_in_memory_like_other_fields(moving_mlp, codes):
    with torch.inference_mode():
        assert on_grid(moving_mlp(1), codes(), (6, 7, 8), block=50).is_contiguous()
