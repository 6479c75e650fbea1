"""Fields and images in files: what ITK reads is what was given, to the last bit."""

import gzip
import os

import numpy as np
import pytest
import SimpleITK as sitk

from sitreg_engine.errors import InputError
from sitreg_engine.fields import DisplacementField
from sitreg_engine.geometry import Grid, apply
from sitreg_engine.images import from_sitk
from sitreg_engine.writing import as_type, write_image, write_transform

OBLIQUE = Grid((6, 7, 8), (1.0, 2.0, 1.5), (10.0, -20.0, 30.0), (0.0, -1.0, 0.0, 0.6, 0.0, 0.8, -0.8, 0.0, 0.6))
FIELD = DisplacementField(np.random.default_rng(3).normal(size=(3, *OBLIQUE.shape)).astype(np.float32), OBLIQUE)


def test_an_h5_transform_holds_the_field_to_the_last_bit(tmp_path):
    write_transform(FIELD, tmp_path / "forward.h5")
    transform = sitk.DisplacementFieldTransform(sitk.ReadTransform(str(tmp_path / "forward.h5")))
    stored = sitk.GetArrayFromImage(transform.GetDisplacementField())
    np.testing.assert_array_equal(stored.transpose(3, 2, 1, 0), FIELD.vectors)
    points = apply(OBLIQUE.voxel_to_world, np.array([[0, 0, 0], [2.5, 3.25, 4.75], [5, 6, 7], [1, 6, 3]]))
    np.testing.assert_allclose([transform.TransformPoint(p) for p in points], FIELD.map_points(points), atol=1e-5)


def test_an_h5_transform_takes_no_more_room_than_its_vectors(tmp_path):
    write_transform(FIELD, tmp_path / "forward.h5")
    assert (tmp_path / "forward.h5").stat().st_size < FIELD.vectors.nbytes + 2**15


@pytest.mark.parametrize("name", ["forward.nrrd", "forward.nii.gz"])
def test_a_vector_image_holds_the_field_to_the_last_bit(tmp_path, name):
    write_transform(FIELD, tmp_path / name)
    image = sitk.ReadImage(str(tmp_path / name))
    assert image.GetPixelID() == sitk.sitkVectorFloat32
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image).transpose(3, 2, 1, 0), FIELD.vectors)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_transform_of_another_format_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"h5, nrrd, nii\.gz, not as forward\.mat"):
        write_transform(FIELD, tmp_path / "forward.mat")


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int32", "int64", "float32"])
def test_an_image_comes_back_at_its_place(tmp_path, dtype):
    array = np.random.default_rng(1).integers(0, 200, OBLIQUE.shape).astype(dtype)
    write_image(array, OBLIQUE, np.dtype(dtype), tmp_path / "image.nii.gz")
    stored = from_sitk(sitk.ReadImage(str(tmp_path / "image.nii.gz")))
    assert stored.array.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(stored.array, array)
    np.testing.assert_allclose(stored.grid.voxel_to_world, OBLIQUE.voxel_to_world, atol=1e-4)


def test_packed_images_are_smaller(tmp_path):
    write_image(np.zeros((60, 60, 60), np.float32), Grid((60,) * 3, (1.0,) * 3, (0.0,) * 3, OBLIQUE.direction),
                np.dtype("float32"), tmp_path / "zeros.nii.gz")  # fmt: skip
    packed = (tmp_path / "zeros.nii.gz").read_bytes()
    assert len(packed) < 5000 < len(gzip.decompress(packed))


@pytest.mark.parametrize(
    "dtype, given, stored",
    [
        ("uint8", [-3, 0.4, 0.6, 300], [0, 0, 1, 255]),
        ("int16", [-4e4, -1.6, 1.5, 4e4], [-32768, -2, 2, 32767]),
        ("int64", [-1e30, -2, 3, 1e30], [-(2**63), -2, 3, 2**63 - 1024]),
        ("uint64", [-1, 0, 7, 1e30], [0, 0, 7, 2**64 - 2048]),
        ("float32", [-1, 0.25, 1e30, 2], [-1, 0.25, 1e30, 2]),
        ("float64", [-1, 0.25, 4, 2], [-1, 0.25, 4, 2]),
    ],
)
def test_values_are_rounded_and_clipped_to_their_type(dtype, given, stored):
    result = as_type(np.array(given, np.float32), np.dtype(dtype))
    assert result.dtype == (np.dtype(dtype) if dtype[0] in "iu" else np.float32)
    np.testing.assert_array_equal(result, np.array(stored, result.dtype))


def test_large_labels_pass_unchanged():
    labels = np.array([2**53 + 1, -1], np.int64)
    np.testing.assert_array_equal(as_type(labels, np.dtype("int64")), labels)


def test_an_nrrd_file_that_lacks_its_last_bytes_is_an_error(tmp_path, monkeypatch):
    whole = sitk.WriteImage

    def cut(image, path, **settings):
        whole(image, path, **settings)
        os.truncate(path, os.path.getsize(path) - 1)

    monkeypatch.setattr("sitreg_engine.writing.sitk.WriteImage", cut)
    with pytest.raises(OSError, match=r"No space left on device: 'a\.nrrd'"):
        write_image(np.zeros(OBLIQUE.shape, np.int16), OBLIQUE, np.dtype(np.int16), tmp_path / "a.nrrd")
