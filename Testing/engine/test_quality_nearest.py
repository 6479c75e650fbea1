"""Exact distances between two sets of voxels, near and far, against all pairs written out."""

import numpy as np
import pytest

from sitreg_engine.quality.nearest import distances_to_nearest

SPACINGS = [(1.0, 1.0, 1.0), (0.7, 2.0, 1.3), (3.0, 3.0, 0.5)]


def by_pairs(start: np.ndarray, goal: np.ndarray, spacing: tuple[float, float, float]) -> np.ndarray:
    a, b = np.argwhere(start) * spacing, np.argwhere(goal) * spacing
    return np.linalg.norm(a[:, None] - b[None], axis=-1).min(axis=1)


def sparse(shape: tuple[int, int, int], share: float, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).random(shape) < share


@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("share", [0.2, 0.01, 0.001])
def test_they_are_the_smallest_of_all_pairs(spacing, share):
    start, goal = sparse((21, 17, 30), 0.05, 1), sparse((21, 17, 30), share, 2)
    assert np.allclose(distances_to_nearest(start, goal, spacing), by_pairs(start, goal, spacing), atol=1e-4)


@pytest.mark.parametrize("spacing", SPACINGS)
def test_sets_that_lie_far_apart_too(spacing):
    start, goal = np.zeros((70, 9, 8), bool), np.zeros((70, 9, 8), bool)
    start[:4], goal[66:, ::3, ::3] = True, True
    assert np.allclose(distances_to_nearest(start, goal, spacing), by_pairs(start, goal, spacing), atol=1e-4)


def test_far_voxels_do_not_change_what_near_ones_get():
    start, goal = np.zeros((60, 8, 8), bool), np.zeros((60, 8, 8), bool)
    goal[2, 2:5, 2:5] = True
    start[4, 3, 3] = start[55, 3, 3] = True
    assert np.allclose(distances_to_nearest(start, goal, (1.0, 1.0, 1.0)), [2, 53])


def test_the_edge_of_the_box_is_like_any_other_place():
    # Seen on real labels: voxels on the box's face whose neighbours within the box all belong to the set.
    goal = np.zeros((40, 6, 6), bool)
    goal[0, 1:5, 1:5] = goal[1, 2:4, 2:4] = True
    start = np.ones(goal.shape, bool)
    assert np.allclose(distances_to_nearest(start, goal, (1.0,) * 3), by_pairs(start, goal, (1.0,) * 3), atol=1e-4)


def test_nothing_to_start_from_gives_nothing():
    empty = np.zeros((4, 4, 4), bool)
    assert distances_to_nearest(empty, ~empty, (1.0, 1.0, 1.0)).shape == (0,)
