"""Mutual information, its gradient and the minimiser that follows it."""

import numpy as np
import pytest

from sitreg_engine.affine.bfgs import minimise
from sitreg_engine.affine.levels import histogram_window, make_level, spread_points
from sitreg_engine.affine.mutual_information import BINS, look_up, score
from sitreg_engine.affine.objective import Centring, LevelPair, cost
from sitreg_engine.foreground import foreground
from sitreg_engine.geometry import Grid
from sitreg_engine.images import Volume


@pytest.fixture(scope="module")
def pair(study) -> LevelPair:
    levels = [make_level(v, foreground(v), 6.0, 3000, histogram_window(v)) for v in (study.fixed, study.moving)]
    return LevelPair(*levels, Centring(levels[0].points.mean(axis=0), levels[1].points.mean(axis=0), 25.0))


@pytest.fixture
def parameters() -> np.ndarray:
    return np.random.default_rng(1).normal(0, 3, 12)


def differences(function, x: np.ndarray, step: float) -> np.ndarray:
    return np.array([(function(x + step * e) - function(x - step * e)) / (2 * step) for e in np.eye(len(x))])


@pytest.mark.parametrize("size", [6, 7, 12])
def test_the_gradient_agrees_with_differences(pair, parameters, size):
    _, gradient = cost(pair, parameters[:size])
    numeric = differences(lambda p: cost(pair, p)[0], parameters[:size], 1e-4)
    assert np.allclose(gradient, numeric, atol=2e-3 * np.abs(gradient).max())


def test_swapping_the_images_changes_the_sign_and_nothing_else(pair, parameters):
    c = pair.centring
    swapped = LevelPair(pair.moving, pair.fixed, Centring(c.moving_centre, c.fixed_centre, c.radius))
    (there, gradient), (back, swapped_gradient) = cost(pair, parameters), cost(swapped, -parameters)
    assert there == back
    assert np.array_equal(gradient, -swapped_gradient)


def test_an_image_onto_itself_is_at_rest(pair):
    same = LevelPair(pair.fixed, pair.fixed, Centring(*[pair.centring.fixed_centre] * 2, 25.0))
    assert not cost(same, np.zeros(12))[1].any()


def test_independent_values_share_no_information_and_equal_ones_much():
    rng = np.random.default_rng(0)
    image = rng.uniform(2, BINS - 4, (30, 30, 30))
    places = np.argwhere(np.ones((30, 30, 30))).astype(float)
    independent = score(rng.uniform(2, BINS - 4, 27000), image, places)
    same = score(look_up(image, places).values, image, places)
    assert independent.information < 0.02
    assert same.information > 1.2
    assert same.overlap == 1.0


def test_points_outside_the_image_do_not_count():
    image = np.random.default_rng(0).uniform(2, BINS - 4, (10, 10, 10))
    found = look_up(image, np.array([[4.0, 4, 4], [40.0, 4, 4], [-0.25, 4, 4]]))
    assert np.allclose(found.weight, [1.0, 0.0, 0.84375])


def test_lookups_are_exact_on_a_ramp():
    image = np.fromfunction(lambda i, j, k: 2 * i - j + 0.5 * k, (6, 7, 8))
    found = look_up(image, np.array([[1.25, 3.5, 5.75]]))
    assert found.values[0] == pytest.approx(2 * 1.25 - 3.5 + 0.5 * 5.75)
    assert np.allclose(found.gradient, [[2, -1, 0.5]])


def test_lookups_far_outside_hold_the_edge_without_slope():
    image = np.random.default_rng(0).uniform(2, BINS - 4, (5, 5, 5))
    found = look_up(image, np.array([[-7.0, -9.0, -30.0]]))
    assert found.values[0] == pytest.approx(image[0, 0, 0])
    assert not found.gradient.any()


def test_sampling_points_are_spread_evenly():
    inside = Volume(np.ones((10, 12, 14), bool), Grid((10, 12, 14), (1, 1, 1), (0, 0, 0), tuple(np.eye(3).ravel())))
    points = spread_points(inside, 8000)
    octants, _ = np.histogramdd(points, bins=2, range=[(-0.5, n - 0.5) for n in (10, 12, 14)])
    assert len(points) == pytest.approx(8000, rel=0.02)
    assert np.abs(octants / 1000 - 1).max() < 0.05


def test_points_in_a_few_voxels_are_found_without_trying_billions():
    array = np.zeros((400, 400, 400), bool)
    array[100:102, 300:303, 200] = True
    points = spread_points(Volume(array, Grid(array.shape, (1.0,) * 3, (0.0,) * 3, tuple(np.eye(3).ravel()))), 500)
    assert len(points) == 500
    assert np.allclose(points.min(axis=0), (99.5, 299.5, 199.5), atol=0.1)
    assert np.allclose(points.max(axis=0), (101.5, 302.5, 200.5), atol=0.1)


def test_points_in_small_things_far_apart_are_spread_over_all_of_them():
    array = np.zeros((300, 300, 300), bool)
    array[2:4, 3:5, 2:4] = array[290:292, 280:282, 295:297] = True
    points = spread_points(Volume(array, Grid(array.shape, (1.0,) * 3, (0.0,) * 3, tuple(np.eye(3).ravel()))), 800)
    nearest = np.rint(points).astype(int)
    assert len(points) == 800 and array[tuple(nearest.T)].all()
    _, counts = np.unique(nearest, axis=0, return_counts=True)
    assert len(counts) == 16 and counts.min() > 35 and counts.max() < 65


def test_the_minimiser_finds_the_bottom_of_a_valley():
    def valley(x):  # Rosenbrock
        a, b = 1 - x[0], x[1] - x[0] ** 2
        return a**2 + 100 * b**2, np.array([-2 * a - 400 * x[0] * b, 200 * b])

    assert np.allclose(minimise(valley, np.array([-1.2, 1.0]), 200, 0.5, 1e-10), 1.0, atol=1e-5)


def test_the_minimiser_rests_where_there_is_no_slope():
    start = np.array([0.3, 0.4])
    assert np.array_equal(minimise(lambda x: (1.0, np.zeros(2)), start, 10, 1.0, 1e-6), start)
