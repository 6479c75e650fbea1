import torch

from sitreg_engine.models.nephi.drawing import Places, anywhere


def voxels_of(points: torch.Tensor, shape: tuple[int, int, int]) -> torch.Tensor:
    return ((points + 1) / 2 * (torch.tensor(shape) - 1)).round().long()


def cube(shape=(20, 20, 20)) -> tuple[torch.Tensor, torch.Tensor]:
    """A bright cube in an empty image, seen everywhere but in the first planes."""
    image, seen = torch.zeros(1, 1, *shape), torch.ones(1, 1, *shape)
    image[..., 8:12, 8:12, 8:12] = 1
    seen[..., :5, :, :] = 0
    return image, seen


def test_most_points_lie_where_something_is_shown_and_none_out_of_view():
    image, seen = cube()
    points = Places.of(image, seen, None).draw(2000, torch.Generator().manual_seed(0))
    voxels = voxels_of(points, (20, 20, 20))
    near = ((voxels >= 6) & (voxels < 14)).all(dim=1).float().mean()
    assert near > 0.88 and bool((voxels[:, 0] >= 5).all()) and bool((points.abs() <= 1).all())


def test_points_stay_in_and_around_a_mask():
    image, seen = cube()
    mask = torch.zeros_like(image)
    mask[..., 15, 15, 15] = 1
    voxels = voxels_of(Places.of(image, seen, mask).draw(500, torch.Generator().manual_seed(0)), (20, 20, 20))
    assert bool(((voxels - 15).abs() <= 3).all())


def test_an_empty_image_has_points_anywhere_in_view():
    image, seen = cube()
    voxels = voxels_of(Places.of(0 * image, seen, None).draw(500, torch.Generator().manual_seed(0)), (20, 20, 20))
    assert bool((voxels[:, 0] >= 5).all()) and voxels.float().std() > 3


def test_points_lie_between_voxels_too():
    image, seen = cube()
    points = Places.of(image, seen, None).draw(500, torch.Generator().manual_seed(0))
    places = (points + 1) / 2 * 19
    assert ((places - places.round()).abs() > 0.1).float().mean() > 0.5


def test_equal_generators_draw_equal_points():
    image, seen = cube()
    places = Places.of(image, seen, None)
    one, other = (places.draw(50, torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(one, other)
    assert torch.equal(*(anywhere((9, 9, 9), 9, torch.Generator().manual_seed(1), image) for _ in range(2)))
    assert bool((anywhere((9, 9, 9), 100, torch.Generator(), image).abs() <= 1).all())


def test_an_axis_of_one_voxel_has_no_extent():
    image = torch.rand(1, 1, 8, 8, 1)
    points = Places.of(image, torch.ones_like(image), None).draw(50, torch.Generator().manual_seed(0))
    assert not points[:, 2].any() and points[:, 0].std() > 0.3
    points = anywhere((8, 8, 1), 50, torch.Generator().manual_seed(0), image)
    assert not points[:, 2].any() and points[:, 0].std() > 0.3
