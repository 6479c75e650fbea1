"""Images from real files: what is accepted, and what is refused in one line."""

import re
import struct
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from sitreg_engine import inputs
from sitreg_engine.errors import InputError
from sitreg_engine.geometry import Grid

OBLIQUE = (0.0, -1.0, 0.0, 0.6, 0.0, 0.8, -0.8, 0.0, 0.6)  # columns are perpendicular


def ramp(shape=(6, 7, 8), dtype="int16") -> sitk.Image:
    """Size (6, 7, 8) in x, y, z; the voxel (i, j, k) holds i + 10 j + 100 k."""
    i, j, k = np.meshgrid(*[np.arange(n) for n in shape], indexing="ij")
    return sitk.GetImageFromArray((i + 10 * j + 100 * k).transpose(2, 1, 0).astype(dtype))


def saved(image: sitk.Image, path: Path) -> str:
    sitk.WriteImage(image, str(path))
    return str(path)


def grid_of(path: str) -> Grid:
    return inputs.read_volume(path, "fixed image").grid


def refusal(path: str, role: str = "fixed image") -> str:
    with pytest.raises(InputError) as caught:
        inputs.read_volume(path, role)
    text = str(caught.value)
    assert "\n" not in text
    assert role in text
    return text


# ---- images that are accepted


@pytest.mark.parametrize("name", ["a.nrrd", "a.nii", "a.nii.gz", "a.mha", "a.mhd", "été 脳 b.nii.gz"])
def test_every_format_gives_the_same_voxels_in_the_same_place(tmp_path, name):
    image = ramp()
    image.SetSpacing((0.5, 2.0, 3.0))
    image.SetOrigin((-10.0, 20.0, 30.0))
    image.SetDirection(OBLIQUE)
    volume = inputs.read_volume(saved(image, tmp_path / name), "fixed image")
    assert volume.array.dtype == np.float32
    assert volume.dtype == np.int16
    assert volume.array[1, 2, 3] == 321
    corner = volume.grid.voxel_to_world @ (1, 2, 3, 1)
    np.testing.assert_allclose(corner[:3], image.TransformIndexToPhysicalPoint((1, 2, 3)), atol=1e-4)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int32", "int64", "float32", "float64"])
def test_every_pixel_type_is_read_as_float32_and_remembered(tmp_path, dtype):
    image = ramp((4, 4, 4), "uint8")
    volume = inputs.read_volume(saved(sitk.Cast(image, pixel_id(dtype)), tmp_path / "a.nrrd"), "fixed image")
    assert volume.array.dtype == np.float32
    assert volume.dtype == np.dtype(dtype)


def pixel_id(dtype: str) -> int:
    return sitk.GetImageFromArray(np.zeros((1, 1, 1), dtype)).GetPixelID()


def test_left_handed_axes_are_kept(tmp_path):
    image = ramp()
    image.SetDirection((-1, 0, 0, 0, 1, 0, 0, 0, 1))
    assert np.linalg.det(grid_of(saved(image, tmp_path / "a.nrrd")).voxel_to_world[:3, :3]) < 0


def test_four_dimensions_with_one_time_point_count_as_three(tmp_path):
    image = sitk.JoinSeries([ramp()])
    volume = inputs.read_volume(saved(image, tmp_path / "a.nrrd"), "fixed image")
    assert volume.grid.shape == (6, 7, 8)


def test_axes_that_are_perpendicular_up_to_rounding_are_accepted(tmp_path):
    image = ramp()
    image.SetDirection((1, 0.001, 0, 0, 1, 0, 0, 0, 1))
    assert grid_of(saved(image, tmp_path / "a.nrrd")).shape == (6, 7, 8)


# ---- images that are refused


def test_a_missing_file_is_refused(tmp_path):
    assert "There is no file for the fixed image" in refusal(str(tmp_path / "none.nii.gz"))


@pytest.mark.parametrize("name", ["a.nii.gz", "a.nii", "a.nrrd", "a.mha", "a.dcm", "a.txt", "a.jpg"])
@pytest.mark.parametrize("content", [b"", b"this is no image" * 100], ids=["empty", "text"])
def test_a_file_that_is_no_image_is_refused(tmp_path, name, content, capfd):
    (tmp_path / name).write_bytes(content)
    refusal(str(tmp_path / name))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.nrrd", "a.mha"])
@pytest.mark.parametrize("kept", [0.3, 0.9])
def test_a_file_that_is_cut_short_is_refused_in_silence(tmp_path, name, kept, capfd):
    noise = sitk.GetImageFromArray(np.random.default_rng(1).normal(size=(20, 20, 20)))
    path = Path(saved(noise, tmp_path / name))
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * kept)])
    refusal(str(path))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["a.mha", "a.mhd"])
@pytest.mark.parametrize("spoil", ["cut", "overwritten"])
def test_a_packed_metaimage_that_is_damaged_is_refused_in_silence(tmp_path, name, spoil, capfd):
    noise = sitk.GetImageFromArray(np.random.default_rng(1).normal(size=(20, 20, 20)))
    header = tmp_path / name
    sitk.WriteImage(noise, str(header), useCompression=True)
    if name == "a.mhd":
        header.write_bytes(re.sub(rb"CompressedDataSize = \d+\n", b"", header.read_bytes()))
    assert grid_of(str(header)).shape == (20, 20, 20)
    file = header if name == "a.mha" else tmp_path / "a.zraw"
    data = file.read_bytes()
    middle = len(data) // 2
    file.write_bytes(data[:middle] if spoil == "cut" else data[:middle] + b"0" * 50 + data[middle + 50 :])
    assert "damaged" in refusal(str(header)) or "cut short" in refusal(str(header))
    assert capfd.readouterr() == ("", "")


def test_a_packed_metaimage_that_itk_cannot_unpack_is_refused(tmp_path):
    path = tmp_path / "a.mha"
    sitk.WriteImage(ramp(), str(path), useCompression=True)
    path.write_bytes(re.sub(rb"CompressedDataSize = \d+\n", b"", path.read_bytes()))
    assert "lacks CompressedDataSize" in refusal(str(path))


def test_two_dimensions_are_refused(tmp_path):
    assert "2-D" in refusal(saved(ramp()[:, :, 0], tmp_path / "a.nrrd"))


def test_a_single_slice_is_refused(tmp_path):
    assert "4 or more voxels" in refusal(saved(ramp((6, 7, 1)), tmp_path / "a.nii.gz"))


@pytest.mark.parametrize("name", ["a.nrrd", "a.nii.gz"])
def test_a_time_series_is_refused(tmp_path, name):
    assert "4-D" in refusal(saved(sitk.JoinSeries([ramp(), ramp()]), tmp_path / name))


@pytest.mark.parametrize("name", ["a.nrrd", "a.nii.gz", "a.mha"])
def test_vectors_are_refused(tmp_path, name):
    assert "one number per voxel" in refusal(saved(sitk.Compose([ramp()] * 3), tmp_path / name))


def test_complex_numbers_are_refused(tmp_path):
    real = sitk.Cast(ramp(), sitk.sitkFloat32)
    assert "one number per voxel" in refusal(saved(sitk.RealAndImaginaryToComplex(real, real), tmp_path / "a.nii.gz"))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300], ids=str)
def test_one_voxel_that_float32_cannot_hold_is_refused(tmp_path, value):
    image = ramp(dtype="float64")
    image[1, 2, 3] = float(value)
    assert "1 voxels that are NaN or infinite" in refusal(saved(image, tmp_path / "a.nrrd"))


@pytest.mark.parametrize("value", [0, 7])
def test_a_constant_image_is_refused(tmp_path, value):
    assert f"is {value}" in refusal(saved(ramp() * 0 + value, tmp_path / "a.nrrd"))


@pytest.mark.parametrize(
    "matrix, spacing",
    [
        ("1 0 0 0 1 0 0 0 0", "1 1 1"),
        ("nan 0 0 0 1 0 0 0 1", "1 1 1"),
        ("1 0 0 0 1 0 0 0 1", "1 1 0"),
        ("1 0 0 0 1 0 0 0 1", "1 1 -1"),
        ("1 0 0 0 1 0 0 0 1", "1 1 nan"),
        ("1 0 0 0.7 0.7 0 0 0 1", "1 1 1"),
        ("2 0 0 0 1 0 0 0 1", "1 1 1"),
    ],
    ids=["singular", "NaN direction", "zero spacing", "negative spacing", "NaN spacing", "skewed", "stretched"],
)
def test_a_metaimage_without_a_sound_geometry_is_refused(tmp_path, matrix, spacing, capfd):
    header = (
        "ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\n"
        f"TransformMatrix = {matrix}\nOffset = 0 0 0\nElementSpacing = {spacing}\n"
        "DimSize = 4 4 4\nElementType = MET_FLOAT\nElementDataFile = LOCAL\n"
    )
    (tmp_path / "a.mha").write_bytes(header.encode() + np.arange(64, dtype="f4").tobytes())
    refusal(str(tmp_path / "a.mha"))
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    "directions",
    ["(1,0,0) (0,1,0) (1,1,0)", "(1,0,0) (0,1,0) (0,0,0)", "(nan,0,0) (0,1,0) (0,0,1)", "(1,0,0) (0.3,1,0) (0,0,1)"],
    ids=["singular", "zero", "NaN", "skewed"],
)
def test_a_nrrd_without_a_sound_geometry_is_refused(tmp_path, directions):
    header = (
        "NRRD0004\ntype: float\ndimension: 3\nspace: left-posterior-superior\nsizes: 4 4 4\n"
        f"space directions: {directions}\nendian: little\nencoding: raw\nspace origin: (0,0,0)\n\n"
    )
    (tmp_path / "a.nrrd").write_bytes(header.encode() + np.arange(64, dtype="f4").tobytes())
    refusal(str(tmp_path / "a.nrrd"))


def nifti(path: Path, position: int, value: float, sform: bool = True) -> str:
    """A NIfTI file with one float of its header replaced."""
    saved(ramp(), path)
    data = bytearray(path.read_bytes())
    struct.pack_into("<2h", data, 252, 0 if sform else 1, 1 if sform else 0)  # which orientation is in use
    struct.pack_into("<f", data, position, value)
    path.write_bytes(data)
    return str(path)


@pytest.mark.parametrize("value", [0.0, -1.0, np.nan])
def test_a_nifti_without_positive_spacing_is_refused(tmp_path, value):
    assert "positive spacing" in refusal(nifti(tmp_path / "a.nii", 80, value))


@pytest.mark.parametrize("position, sform", [(280, True), (292, True), (256, False), (268, False)])
def test_a_nifti_with_nan_in_the_orientation_in_use_is_refused_in_silence(tmp_path, position, sform, capfd):
    assert "NaN" in refusal(nifti(tmp_path / "a.nii", position, np.nan, sform))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_nifti_that_does_not_say_where_its_voxels_begin_is_refused(tmp_path, value):
    assert "damaged" in refusal(nifti(tmp_path / "a.nii", 108, value))


def test_a_nifti_with_skewed_axes_is_refused(tmp_path):
    assert "perpendicular" in refusal(nifti(tmp_path / "a.nii", 284, 0.3))
