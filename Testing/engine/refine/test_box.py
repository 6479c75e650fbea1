"""Updates are looked for where the images tell something, and stay nothing elsewhere."""

import pytest
import torch

from sitreg_engine.refine.box import in_steps, telling_box
from sitreg_engine.refine.instance import nothing_moved
from sitreg_engine.refine.local_ncc import VARIANCE_FLOOR, telling
from sitreg_engine.refine.rounds import State, fitted
from sitreg_engine.refine.schedule import Level, Schedule
from sitreg_engine.refine.views import Views
from sitreg_engine.window_mean import window_mean

SHAPE = (48, 44, 41)
LEVEL = Level(1, 2, 1, 6, 0.1)
SHOWN = (slice(20, 28), slice(16, 30), slice(30, 41))  # where there is texture


def noise(seed: int) -> torch.Tensor:
    """0..1, without any structure."""
    return torch.rand(1, 1, *SHAPE, generator=torch.Generator().manual_seed(seed))


def views(shown=SHOWN, mask=None) -> Views:
    images = []
    for seed in (1, 2):
        image = torch.zeros(1, 1, *SHAPE)
        image[:, :, *shown] = window_mean(noise(seed), 3)[:, :, *shown]
        images.append(image)
    seen = torch.ones(1, 1, *SHAPE)
    return Views(*images, seen, seen, mask, mask)


def box_of(seen: Views, stride: int = 2):
    return telling_box(seen, seen.windows(5), stride)


def test_a_window_tells_something_where_either_image_varies_by_more_than_noise():
    both = views()
    found = telling(both.moving, both.fixed, both.windows(5))[0, 0]
    assert found[24, 20, 35] and not found[5, 5, 5]
    one = Views(both.moving, torch.zeros_like(both.fixed), both.moving_seen, both.fixed_seen, None, None)
    assert torch.equal(telling(one.moving, one.fixed, one.windows(5)), telling(one.fixed, one.moving, one.windows(5)))
    faint = VARIANCE_FLOOR**0.5 * noise(3)
    assert not telling(faint, faint, both.windows(5)).any()


@pytest.mark.parametrize("stride", [1, 2, 4])
def test_the_box_holds_all_that_tells_something_and_a_margin_in_whole_steps(stride):
    seen = views()
    found = telling(seen.moving, seen.fixed, seen.windows(5))[0, 0].nonzero()
    for axis, part in enumerate(box_of(seen, stride)):
        assert part.start % stride == 0 and (part.stop % stride == 0 or part.stop == SHAPE[axis])
        low, high = int(found[:, axis].min()), int(found[:, axis].max())
        assert max(low - 6 - stride, 0) < part.start + 1 <= max(low - 6, 0) + 1
        assert min(high + 7, SHAPE[axis]) <= part.stop <= min(high + 7 + stride, SHAPE[axis])


def test_a_mask_narrows_the_box():
    mask = torch.zeros(1, 1, *SHAPE)
    mask[:, :, 22:25, 18:20, 33:36] = 1
    masked, free = box_of(views(mask=mask)), box_of(views())
    assert all(m.start >= f.start and m.stop <= f.stop for m, f in zip(masked, free, strict=True)) and masked != free


def test_the_box_is_the_whole_grid_where_nothing_is_shown():
    assert box_of(views((slice(0, 0),) * 3)) == tuple(slice(0, n) for n in SHAPE)


def test_control_points_of_a_box_cover_it():
    assert in_steps((slice(4, 9), slice(0, 8), slice(2, 41)), 2) == (slice(2, 5), slice(0, 4), slice(1, 21))


def test_a_part_of_the_views_leaves_out_what_is_not_there():
    part = views().within(SHOWN)
    assert part.shape == (8, 14, 11) and part.moving_mask is None
    assert torch.equal(part.moving, views().moving[:, :, *SHOWN])


def test_nothing_moves_far_from_what_is_shown():
    seen = views()
    state = State.of(seen, nothing_moved(SHAPE, seen.moving), LEVEL, 5)
    maps, _ = fitted(state, 6, Schedule((LEVEL,)), lambda _: True)
    assert float(maps.left[:, :, 20:28, 16:30, 30:].abs().max()) > 0.05
    assert not maps.left[:, :, :6].any() and not maps.right_inverse[:, :, :, :, :18].any()


def test_the_box_changes_nothing_that_matters(monkeypatch):
    seen = views()
    state = State.of(seen, nothing_moved(SHAPE, seen.moving), LEVEL, 5)
    boxed, _ = fitted(state, 6, Schedule((LEVEL,)), lambda _: True)
    monkeypatch.setattr("sitreg_engine.refine.rounds.telling_box", lambda *_: tuple(slice(0, n) for n in SHAPE))
    whole, _ = fitted(state, 6, Schedule((LEVEL,)), lambda _: True)
    inner = (slice(None), slice(None), *SHOWN)
    # The balance of agreement and roughness is that of two means, over more or fewer voxels: it stays.
    assert float((boxed.left - whole.left)[inner].abs().max()) < 0.1 * float(whole.left[inner].abs().max())
