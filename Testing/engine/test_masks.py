"""Masks and label maps: on the grid of their image or their own, or refused in one line."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from sitreg_engine import inputs
from sitreg_engine.errors import InputError
from sitreg_engine.geometry import Grid

GRID = Grid((6, 7, 8), (1.0,) * 3, (0.0,) * 3, tuple(map(float, np.eye(3).ravel())))  # of the image


def saved(image: sitk.Image, path: Path) -> str:
    sitk.WriteImage(image, str(path))
    return str(path)


def block(shape=(6, 7, 8), dtype="uint8", value=1) -> sitk.Image:
    array = np.zeros(shape, dtype)
    array[2:4, 2:5, 3:6] = value
    return sitk.GetImageFromArray(array.transpose(2, 1, 0))


def test_a_mask_on_the_grid_of_its_image_is_zeros_and_ones(tmp_path):
    mask = inputs.read_mask(saved(block(value=255), tmp_path / "mask.nrrd"), GRID, "fixed mask")
    assert mask.array.dtype == np.uint8
    assert mask.array.sum() == 2 * 3 * 3
    assert mask.array[2, 2, 3] == 1


def test_a_mask_on_another_grid_is_carried_to_that_of_the_image(tmp_path):
    grid = dataclasses.replace(GRID, shape=(12, 14, 16))
    coarse = block()
    coarse.SetSpacing((2, 2, 2))
    coarse.SetOrigin((0.5, 0.5, 0.5))  # each of its voxels covers exactly eight of the image
    mask = inputs.read_mask(saved(coarse, tmp_path / "mask.nrrd"), grid, "fixed mask")
    assert mask.grid == grid
    assert mask.array.sum() == 8 * 2 * 3 * 3
    assert mask.array[4:8, 4:10, 6:12].all()


def test_a_mask_turned_by_its_header_keeps_its_place(tmp_path):
    flipped = sitk.Flip(block(), (True, False, True))
    mask = inputs.read_mask(saved(flipped, tmp_path / "mask.nrrd"), GRID, "fixed mask")
    assert mask.array[2:4, 2:5, 3:6].all() and mask.array.sum() == 18


def test_an_empty_mask_is_refused(tmp_path):
    with pytest.raises(InputError, match="Nothing is marked in the fixed mask"):
        inputs.read_mask(saved(block(value=0), tmp_path / "mask.nrrd"), GRID, "fixed mask")


@pytest.mark.parametrize("reader", [inputs.read_mask, inputs.read_labels])
def test_a_mask_or_label_map_beside_its_image_is_refused(tmp_path, reader):
    far = block()
    far.SetOrigin((4.6, 0, 0))  # its box meets the image's, its marked voxels do not
    with pytest.raises(InputError, match="do not overlap"):
        reader(saved(far, tmp_path / "mask.nrrd"), GRID, "moving labels")


@pytest.mark.parametrize("reader", [inputs.read_mask, inputs.read_labels])
def test_fractions_in_a_mask_or_label_map_are_refused(tmp_path, reader):
    with pytest.raises(InputError, match="whole numbers"):
        reader(saved(block(dtype="float32", value=0.5), tmp_path / "mask.nrrd"), GRID, "fixed labels")


# ---- label maps


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint32", "int64"])
def test_labels_keep_their_own_type_and_grid(tmp_path, dtype):
    shifted = block(dtype=dtype, value=100)
    shifted.SetOrigin((1.5, 0, 0))
    labels = inputs.read_labels(saved(shifted, tmp_path / "labels.nrrd"), GRID, "moving labels")
    assert labels.array.dtype == np.dtype(dtype)
    assert labels.array[2, 2, 3] == 100
    assert labels.grid.origin == (1.5, 0, 0)


def test_whole_numbers_stored_as_float_become_integers(tmp_path):
    labels = inputs.read_labels(saved(block(dtype="float64", value=17), tmp_path / "l.nii.gz"), GRID, "moving labels")
    assert labels.array.dtype == np.int32
    assert labels.array.max() == 17


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e12], ids=str)
def test_labels_that_are_no_small_numbers_are_refused(tmp_path, value):
    path = saved(block(dtype="float64", value=value), tmp_path / "l.nrrd")
    with pytest.raises(InputError, match="whole numbers"):
        inputs.read_labels(path, GRID, "moving labels")
