"""Between SimpleITK's images and the engine's arrays."""

import numpy as np
import pytest
import SimpleITK as sitk

from sitreg_engine.geometry import Grid
from sitreg_engine.images import from_sitk, grid_of, to_sitk

GRID = Grid((3, 4, 5), (0.5, 2.0, 3.0), (-10.0, 20.0, 30.0), (0.0, -1.0, 0.0, 0.6, 0.0, 0.8, -0.8, 0.0, 0.6))


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32", "float64", "int64"])
def test_an_array_survives_the_journey_with_its_type_and_place(dtype):
    array = np.arange(60).reshape(GRID.shape).astype(dtype)
    volume = from_sitk(to_sitk(array, GRID))
    assert volume.array.dtype == array.dtype
    assert volume.array.flags.c_contiguous
    np.testing.assert_array_equal(volume.array, array)
    assert volume.grid == GRID


def test_element_i_j_k_is_itks_index_i_j_k():
    array = np.arange(60).reshape(GRID.shape).astype("int16")
    assert to_sitk(array, GRID)[1, 2, 3] == array[1, 2, 3]


def test_a_vector_array_becomes_a_vector_image():
    vectors = np.random.default_rng(0).normal(size=(3, *GRID.shape)).astype(np.float32)
    image = to_sitk(vectors, GRID)
    assert image.GetNumberOfComponentsPerPixel() == 3
    np.testing.assert_array_equal(image[1, 2, 3], vectors[:, 1, 2, 3])


def test_the_copy_is_the_engines_own():
    image = to_sitk(np.zeros(GRID.shape, np.float32), GRID)
    volume = from_sitk(image)
    image[0, 0, 0] = 5.0
    assert volume.array[0, 0, 0] == 0


def test_the_grid_of_an_image_is_read_from_its_header():
    image = sitk.Image((3, 4, 5), sitk.sitkUInt8)
    assert grid_of(image) == Grid((3, 4, 5), (1.0,) * 3, (0.0,) * 3, tuple(np.eye(3).ravel()))
