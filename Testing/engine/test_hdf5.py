"""Small HDF5 files, read by the HDF5 library inside ITK, and their checksum."""

import struct

import numpy as np
import pytest
import SimpleITK as sitk

from sitreg_engine.checksum import lookup3
from sitreg_engine.hdf5 import write_hdf5


def affine(kind: str, dtype: str) -> dict:
    """The tree of an ITK affine transform."""
    parameters = np.array([1.1, 0.2, 0, -0.1, 0.9, 0.3, 0.05, 0, 1.3, 4, -5, 6], dtype)
    return {
        "TransformGroup": {
            "0": {
                "TransformType": kind,
                "TransformFixedParameters": np.array([1.0, 2.0, 3.0]),
                "TransformParameters": parameters,
            }
        }
    }


@pytest.mark.parametrize("kind, dtype", [("double", "<f8"), ("float", "<f4"), ("double", ">f8")])
def test_the_hdf5_library_reads_groups_texts_and_numbers(tmp_path, kind, dtype):
    tree = affine(f"AffineTransform_{kind}_3_3", dtype)
    write_hdf5(tmp_path / "affine.h5", tree)
    found = sitk.ReadTransform(str(tmp_path / "affine.h5"))
    assert found.GetName() == "AffineTransform"
    assert found.GetFixedParameters() == (1.0, 2.0, 3.0)
    np.testing.assert_array_equal(found.GetParameters(), tree["TransformGroup"]["0"]["TransformParameters"])


@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 5, 7), (2, 5, 7), (3, 3, 1), (4, 4, 3)])
def test_a_field_with_any_number_of_values_can_be_read(tmp_path, shape):
    """Numbers of four bytes may leave half a word empty at the end of the file."""
    vectors = np.random.default_rng(0).normal(size=(*shape, 3)).astype(np.float32)
    fixed = np.array([*shape[::-1], 0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 0, 1], float)
    transform = {
        "TransformType": "DisplacementFieldTransform_float_3_3",
        "TransformFixedParameters": fixed,
        "TransformParameters": vectors.ravel(),
    }
    write_hdf5(tmp_path / "field.h5", {"TransformGroup": {"0": transform}})
    found = sitk.DisplacementFieldTransform(sitk.ReadTransform(str(tmp_path / "field.h5"))).GetDisplacementField()
    np.testing.assert_allclose(sitk.GetArrayFromImage(found), vectors, rtol=1e-6)


def test_more_names_than_there_is_room_for_are_refused(tmp_path):
    with pytest.raises(ValueError, match="names"):
        write_hdf5(tmp_path / "names.h5", {f"name {n}": np.zeros(1) for n in range(500)})
    assert not (tmp_path / "names.h5").exists()


def test_a_folder_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(OSError):
        write_hdf5(tmp_path / "missing" / "a.h5", {})


@pytest.mark.parametrize(
    "text, expected",  # from the author's own test program
    [(b"", 0xDEADBEEF), (b"Four score and seven years ago", 0x17770551)],
)
def test_the_checksum_is_that_of_its_author(text, expected):
    assert lookup3(text) == expected


@pytest.mark.parametrize("count", range(1, 40))
def test_the_checksum_is_that_of_the_library_for_any_length(tmp_path, count):
    """The library checks what it reads: a name of any length makes a header of another length."""
    tree = affine("AffineTransform_double_3_3", "<f8")
    write_hdf5(tmp_path / "affine.h5", {"x" * count: np.zeros(2), **tree})
    assert sitk.ReadTransform(str(tmp_path / "affine.h5")).GetName() == "AffineTransform"


def test_the_checksum_is_the_one_in_the_files_of_the_library(tmp_path):
    sitk.WriteTransform(sitk.AffineTransform(3), str(tmp_path / "itk.h5"))
    start = (tmp_path / "itk.h5").read_bytes()[:48]
    assert struct.unpack("<I", start[44:])[0] == lookup3(start[:44])
