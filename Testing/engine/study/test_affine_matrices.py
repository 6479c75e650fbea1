"""Exponentials, logarithms and halves of affine matrices."""

import numpy as np
import pytest

from sitreg_engine.affine import half_way
from sitreg_engine.affine.matrices import expm, expm_derivatives, generators, logm
from sitreg_engine.errors import AlignmentError
from sitreg_engine.geometry import apply


@pytest.fixture
def matrix(tools) -> np.ndarray:
    matrix = tools.turn((1, -2, 1), 40) @ np.diag([1.2, 0.9, 1.05, 1.0])
    matrix[:3, 3] = (100, -40, 25)
    return matrix


def test_the_exponential_of_a_rotation_generator_is_that_rotation(tools):
    assert np.allclose(expm(np.radians(75) * generators(1.0)[5]), tools.turn((0, 0, 1), 75), atol=1e-13)


def test_generators_move_points_at_the_radius_by_about_a_millimetre():
    point = 80 * np.array([1.0, 1.0, 1.0]) / np.sqrt(3)
    moved = [np.linalg.norm(apply(expm(g), point) - point) for g in generators(80.0)]
    assert min(moved) > 0.5
    assert max(moved) < 1.1


def test_the_change_of_sign_is_the_inverse(rng_parameters):
    linear = np.tensordot(rng_parameters, generators(50.0), axes=1)
    assert np.allclose(expm(linear) @ expm(-linear), np.eye(4), atol=1e-12)


def test_derivatives_agree_with_differences(rng_parameters):
    basis = generators(50.0)
    linear = np.tensordot(rng_parameters, basis, axes=1)
    value, derivatives = expm_derivatives(linear, basis)
    assert np.allclose(value, expm(linear))
    for direction, derivative in zip(basis, derivatives, strict=True):
        difference = (expm(linear + 1e-5 * direction) - expm(linear - 1e-5 * direction)) / 2e-5
        assert np.allclose(derivative, difference, atol=1e-7)


def test_the_logarithm_undoes_the_exponential(matrix):
    assert np.allclose(expm(logm(matrix)), matrix, atol=1e-10)


def test_two_halves_make_the_whole(matrix):
    half = half_way(matrix)
    assert np.allclose(half @ half, matrix, atol=1e-10)


def test_half_of_the_inverse_is_the_inverse_of_half(matrix):
    assert np.allclose(half_way(np.linalg.inv(matrix)), np.linalg.inv(half_way(matrix)), atol=1e-11)


def test_half_of_a_translation_is_exact():
    matrix = np.eye(4)
    matrix[:3, 3] = (3, -100, 0.125)
    assert np.array_equal(half_way(matrix)[:3, 3], matrix[:3, 3] / 2)


def test_half_turns_with_the_world(matrix, tools):
    world = tools.turn((2, 1, 1), 20)
    there = world @ half_way(matrix) @ np.linalg.inv(world)
    assert np.allclose(half_way(world @ matrix @ np.linalg.inv(world)), there, atol=1e-11)


@pytest.mark.parametrize("degrees", [90, 150, 175, 179.9])
def test_half_of_a_large_turn_is_half_the_angle(degrees, tools):
    assert np.allclose(half_way(tools.turn((1, 1, 0), degrees)), tools.turn((1, 1, 0), degrees / 2), atol=1e-9)


def test_a_half_turn_has_no_half_way(tools):
    with pytest.raises(AlignmentError, match="180 degrees"):
        half_way(tools.turn((0, 0, 1), 180) @ np.diag([1.1, 0.9, 1.0, 1.0]))


@pytest.fixture
def rng_parameters() -> np.ndarray:
    return np.random.default_rng(3).normal(0, 6, 12)
