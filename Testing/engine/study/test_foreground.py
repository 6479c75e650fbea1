"""Where there is something to see: generously, and never by cutting anatomy."""

import numpy as np
import pytest

from sitreg_engine.foreground import foreground, grown, mask_foreground, shrunk, size_of, without_padding
from sitreg_engine.geometry import Grid, apply
from sitreg_engine.images import Volume


def volume(array: np.ndarray, spacing: float = 1.0) -> Volume:
    return Volume(array, Grid(array.shape, (spacing,) * 3, (10.0, 20.0, 30.0), tuple(np.eye(3).ravel())))


def ball(radius: float, size: int = 48) -> np.ndarray:
    """True inside, about the middle of the array."""
    return ((np.indices((size,) * 3) - (size - 1) / 2) ** 2).sum(axis=0) < radius**2


def test_shrinking_keeps_the_centre_and_a_constant():
    small = shrunk(volume(np.full((21, 30, 16), 7, np.int16)), 4.0)
    assert small.array.shape == (5, 7, 4)
    assert np.allclose(small.array, 7)
    assert np.allclose(small.grid.centre, volume(np.zeros((21, 30, 16))).grid.centre)


def test_shrinking_keeps_a_ramp_where_it_was():
    image = volume(np.indices((40, 40, 40))[1].astype(np.float32))
    small = shrunk(image, 3.0)
    middle = np.array(small.array.shape) // 2
    expected = apply(image.grid.world_to_voxel @ small.grid.voxel_to_world, middle)[1]
    assert small.array[tuple(middle)] == pytest.approx(expected, abs=1e-3)


def test_coarse_axes_are_left_alone():
    small = shrunk(
        Volume(np.zeros((40, 40, 6)), Grid((40, 40, 6), (1, 1, 5), (0, 0, 0), tuple(np.eye(3).ravel()))), 4.0
    )
    assert small.array.shape == (10, 10, 6)
    assert small.grid.spacing == (4.0, 4.0, 5)


def test_a_stripped_image_shows_all_that_is_not_background():
    array = np.where(ball(15), 1 + np.random.default_rng(0).integers(0, 3, (48,) * 3), 0)
    array[ball(15)] *= np.linspace(1, 40, ball(15).sum()).astype(int)  # parts as dark as can be
    inside = foreground(volume(array.astype(np.int16)))
    truth = shrunk(volume(ball(15).astype(np.float32)), inside.grid.spacing[0]).array > 0.5
    assert inside.array[truth].all()
    assert inside.array.mean() < 0.4


def test_background_noise_is_not_foreground():
    noise = np.random.default_rng(0).normal(20, 5, (48,) * 3)
    inside = foreground(volume(noise + 200 * ball(15)))
    assert size_of(inside) == pytest.approx(ball(15).sum() ** (1 / 3), rel=0.2)


def test_grainy_air_without_anything_between_it_and_tissue_is_not_foreground():
    array = np.random.default_rng(0).uniform(0, 5, (24, 26, 28)).astype(np.float32)
    array[6:18, 7:20, 8:20] += 100
    found = foreground(volume(array))
    assert found.array.sum() * found.grid.voxel_volume < 1.5 * 12 * 13 * 12 * volume(array).grid.voxel_volume


def test_holes_are_filled_and_specks_dropped():
    array = 100.0 * (ball(18) & ~ball(9))
    array[:2, :2, :2] = 100
    inside = foreground(volume(array))
    middle = tuple(n // 2 for n in inside.array.shape)
    assert inside.array[middle]
    assert not inside.array[0, 0, 0]


def test_a_crop_full_of_tissue_is_foreground_to_its_border():
    assert foreground(volume(np.random.default_rng(0).uniform(50, 100, (20, 24, 18)))).array.all()


def test_a_mask_is_its_own_foreground():
    inside = mask_foreground(volume(ball(15).astype(np.uint8) * 3))
    assert size_of(inside) == pytest.approx(ball(15).sum() ** (1 / 3), rel=0.15)


def test_a_mask_of_one_voxel_is_not_lost():
    array = np.zeros((30, 30, 30), np.uint8)
    array[13, 21, 6] = 1
    inside = mask_foreground(volume(array))
    place = apply(volume(array).grid.world_to_voxel @ inside.grid.voxel_to_world, np.argwhere(inside.array))
    assert np.abs(place - (13, 21, 6)).max() < 4


def test_growing_and_shrinking_by_millimetres():
    inside = volume(ball(10), spacing=2.0)
    assert grown(inside, 6.0).array.sum() == pytest.approx(ball(13).sum(), rel=0.1)
    assert grown(inside, -6.0).array.sum() == pytest.approx(ball(7).sum(), rel=0.15)


def test_shrinking_spares_the_edge_of_the_image():
    assert grown(volume(np.ones((8, 8, 8), bool)), -3.0).array.all()


def test_what_a_scanner_did_not_see_counts_as_air():
    array = np.full((20, 20, 20), -2048, np.int16)
    array[4:, 4:, 4:] = np.random.default_rng(0).integers(-1000, 400, (16, 16, 16))
    found = without_padding(volume(array)).array
    assert found.min() == -1000
    assert np.array_equal(found[4:, 4:, 4:], array[4:, 4:, 4:])


FLOAT_MAX = float(np.finfo(np.float32).max)


@pytest.mark.parametrize(
    ("filler", "dtype"), [(-9999, np.float32), (-32768, np.int16), (65535, np.uint16), (FLOAT_MAX, np.float32)]
)
def test_what_stands_for_nothing_becomes_the_nearest_value_that_was_measured(filler, dtype):
    array = np.random.default_rng(0).integers(0, 400, (20, 20, 20)).astype(dtype)
    array[:4] = filler
    found = without_padding(volume(array)).array
    assert found.dtype == dtype and np.array_equal(found[4:], array[4:])
    assert np.all(found[:4] == (0 if filler < 0 else 399))


@pytest.mark.parametrize("values", [(0, 255), (0, 65535), (-32768, 32767)])
def test_an_image_of_two_values_is_left_alone(values):
    mask = volume(np.where(ball(6), *values[::-1]))
    assert without_padding(mask) is mask


def test_low_values_that_are_measured_are_kept():
    phase = volume(np.random.default_rng(0).integers(-4096, 4096, (20, 20, 20)).astype(np.int16))
    assert without_padding(phase) is phase
