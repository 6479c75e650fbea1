"""Two fields that nearly undo each other come to do so better, between their samples too."""

import numpy as np
import pytest

from sitreg_engine.balance import APART, Balanced, balanced, smoothed_around
from sitreg_engine.fields import DisplacementField
from sitreg_engine.geometry import Grid, apply
from sitreg_engine.lattices import slab_boxes, voxels_around
from sitreg_engine.quality.consistency import inverse_consistency
from sitreg_engine.quality.jacobian import folds, jacobian_maps

TURN = np.array([[0.0, -1.0, 0.0], [0.96, 0.0, -0.28], [0.28, 0.0, 0.96]])
FIXED = Grid((30, 28, 26), (1.0, 1.1, 1.2), (-15.0, -15.0, -15.0), tuple(np.eye(3).ravel()))
MOVING = Grid((34, 40, 34), (1.0, 1.0, 1.0), (18.0, -20.0, -22.0), tuple(TURN.ravel()))
EVERYWHERE = [tuple(slice(0, n) for n in FIXED.shape)], [tuple(slice(0, n) for n in MOVING.shape)]
INNER = Grid((12, 12, 12), (1.0,) * 3, (-6.0, -6.0, -6.0), tuple(np.eye(3).ravel()))


def rough(points: np.ndarray) -> np.ndarray:
    """A displacement that bends between voxels, (N, 3) mm."""
    return 0.35 * np.sin(points[:, [1, 2, 0]] * 1.3 + [0.0, 1.0, 2.0])


def sampled(grid: Grid, vectors_at) -> DisplacementField:
    points = apply(grid.voxel_to_world, np.indices(grid.shape).reshape(3, -1).T)
    return DisplacementField(np.float32(vectors_at(points).T.reshape(3, *grid.shape)), grid)


def undone(points: np.ndarray) -> np.ndarray:
    """The displacement of the exact inverse, by fixed-point iteration."""
    back = np.zeros_like(points)
    for _ in range(60):
        back = -rough(points + back)
    return back


@pytest.fixture(scope="module")
def exact() -> tuple[DisplacementField, DisplacementField]:
    """Exact inverses of each other at their samples; the grids are turned against each other."""
    return sampled(FIXED, rough), sampled(MOVING, undone)


def rounds(forward: DisplacementField, inverse: DisplacementField, parts, count: int) -> list[DisplacementField]:
    for _ in range(count):
        found = balanced(forward, inverse, parts)
        forward, inverse = found.forward, found.inverse
    return [forward, inverse]


def error(there: DisplacementField, back: DisplacementField, onto: Grid = INNER) -> np.ndarray:
    return inverse_consistency(there, back, onto).millimetres


def test_fields_undo_each_other_better_both_ways_at_samples_and_between_them(exact):
    better = rounds(*exact, EVERYWHERE, 4)
    for grid in (INNER, Grid(INNER.shape, INNER.spacing, (-5.7, -5.4, -6.3), INNER.direction)):
        for before, after in ((exact, better), (exact[::-1], better[::-1])):
            assert error(*after, grid).mean() < 0.7 * error(*before, grid).mean()
            assert error(*after, grid).max() < error(*before, grid).max()


def test_fields_stay_close_to_what_they_were(exact):
    better = rounds(*exact, EVERYWHERE, 4)
    for before, after in zip(exact, better, strict=True):
        assert np.abs(after.vectors - before.vectors).max() < 0.35
        assert not folds(jacobian_maps(after).smallest).any()


def test_swapping_the_fields_swaps_the_result(exact):
    parts = (EVERYWHERE[0], slab_boxes((slice(2, 30),) * 3))
    there, back = rounds(*exact, parts, 2)
    back_again, there_again = rounds(*exact[::-1], parts[::-1], 2)
    assert np.array_equal(there.vectors, there_again.vectors) and np.array_equal(back.vectors, back_again.vectors)


def test_fields_that_undo_each_other_are_left_alone():
    shift = np.array([1.3, -0.4, 2.2])
    pair = (
        sampled(FIXED, lambda p: np.tile(shift, (len(p), 1))),
        sampled(MOVING, lambda p: np.tile(-shift, (len(p), 1))),
    )
    for before, after in zip(pair, rounds(*pair, EVERYWHERE, 3), strict=True):
        assert np.allclose(after.vectors, before.vectors, atol=1e-4)


def test_nothing_changes_outside_the_parts(exact):
    box = (slice(8, 20),) * 3
    changed = [a.vectors != b.vectors for a, b in zip(rounds(*exact, ([box], [box]), 3), exact, strict=True)]
    for where in changed:
        assert where[(slice(None), *box)].any()
        where[(slice(None), *box)] = False
        assert not where.any()
    for after, before in zip(rounds(*exact, ([], []), 1), exact, strict=True):
        assert np.array_equal(after.vectors, before.vectors)


def test_voxels_one_by_one_give_what_a_box_of_them_gives(exact):
    box = (slice(8, 16),) * 3
    voxels = voxels_around(np.full((1, 3), 12.0), FIXED.shape, 4)
    one_by_one, as_a_box = balanced(*exact, (voxels, [])), balanced(*exact, ([box], []))
    inside = (slice(None), *box)
    assert np.allclose(one_by_one.forward.vectors[inside], as_a_box.forward.vectors[inside], atol=1e-5)


def test_what_was_found_before_is_brought_up_to_date_in_the_parts_that_are_new(exact):
    first = balanced(*exact, EVERYWHERE)
    changed = [DisplacementField(field.vectors.copy(), field.grid) for field in exact]
    changed[0].vectors[:, 14, 14, 13] += 0.1
    box = [(slice(6, 22),) * 3]
    expected = balanced(*changed, EVERYWHERE)
    found = balanced(*changed, (box, EVERYWHERE[1]), into=first)
    assert found.forward is first.forward
    for one, other in zip((found.forward, found.inverse), (expected.forward, expected.inverse), strict=True):
        assert np.allclose(one.vectors, other.vectors, atol=1e-4)


def test_where_fields_were_apart_is_told(exact):
    """Only at the voxel that was moved, and of the other field where this one leads to it."""
    assert all(len(voxels) == 0 for voxels in balanced(*exact, EVERYWHERE).apart)
    vectors = exact[0].vectors.copy()
    vectors[:, 14, 14, 13] += 1.2 * APART  # mm along each axis, voxels of about that size
    found: Balanced = balanced(DisplacementField(vectors, FIXED), exact[1], EVERYWHERE)
    assert found.apart[0].tolist() == [[14, 14, 13]]
    near = apply(FIXED.world_to_voxel @ MOVING.voxel_to_world, found.apart[1]) - [14, 14, 13]
    assert np.abs(near).max(initial=0) < 2


def test_the_fields_that_were_given_stay_as_they_are(exact):
    copies = [field.vectors.copy() for field in exact]
    balanced(*exact, EVERYWHERE)
    assert all(np.array_equal(field.vectors, copy) for field, copy in zip(exact, copies, strict=True))


def test_a_field_is_left_alone_where_the_other_one_ends(exact):
    far = DisplacementField(exact[1].vectors, Grid(MOVING.shape, MOVING.spacing, (500.0, 0.0, 0.0), MOVING.direction))
    there, _ = rounds(exact[0], far, EVERYWHERE, 3)
    assert np.allclose(there.vectors, exact[0].vectors, atol=1e-4)


def test_a_fold_is_smoothed_away_and_nothing_changes_far_from_it(exact):
    vectors = exact[0].vectors.copy()
    vectors[0, 14, 14, 13] += 1.3  # mm, further than the next voxel
    folded = DisplacementField(vectors, FIXED)
    field = folded
    for _ in range(6):
        where = folds(jacobian_maps(field).smallest)
        field = smoothed_around(field, where)
    assert folds(jacobian_maps(folded).smallest).any() and not folds(jacobian_maps(field).smallest).any()
    far = (slice(None), slice(0, 6))
    assert np.array_equal(field.vectors[far], vectors[far])


def test_without_a_place_nothing_is_smoothed(exact):
    assert np.array_equal(smoothed_around(exact[0], np.zeros(FIXED.shape, bool)).vectors, exact[0].vectors)


def test_it_can_be_stopped(exact):
    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        balanced(*exact, EVERYWHERE, stop)
