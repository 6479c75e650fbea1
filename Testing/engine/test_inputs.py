"""Images, masks and label maps from real files: what is accepted, and what is refused in one line."""

import hashlib
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
    assert "not found" in refusal(str(tmp_path / "none.nii.gz"))


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


def test_a_nifti_with_skewed_axes_is_refused(tmp_path):
    assert "perpendicular" in refusal(nifti(tmp_path / "a.nii", 284, 0.3))


# ---- DICOM


def write_series(folder: Path, places: list[tuple[float, float, float]], uid: str = "1.2.3") -> None:
    """One DICOM file per position (mm); slices lie in the x-y plane."""
    folder.mkdir(exist_ok=True)
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    for number, place in enumerate(places):
        image = ramp((8, 9, 1))
        image = image + 3 * number
        image.SetSpacing((0.5, 0.5, 2.5))
        tags = {
            "0008|0060": "MR",
            "0020|000e": uid,
            "0020|000d": "1.9",
            "0008|0018": f"{uid}.{number}",
            "0020|0013": str(number),
            "0020|0032": "\\".join(map(str, place)),
            "0020|0037": "1\\0\\0\\0\\1\\0",
        }
        for tag, value in tags.items():
            image.SetMetaData(tag, value)
        writer.SetFileName(str(folder / f"{uid}-{len(places) - number:03d}.dcm"))
        writer.Execute(image)


def stack(count: int, dx: float = 0.0) -> list[tuple[float, float, float]]:
    return [(5.0 + dx * n, -7.0, 100.0 + 2.5 * n) for n in range(count)]


def test_a_dicom_folder_is_one_volume_in_the_order_of_its_positions(tmp_path):
    write_series(tmp_path / "séries 1", stack(6))
    volume = inputs.read_volume(str(tmp_path / "séries 1"), "moving image")
    assert volume.grid.shape == (8, 9, 6)
    np.testing.assert_allclose(volume.grid.spacing, (0.5, 0.5, 2.5))
    np.testing.assert_allclose(volume.grid.origin, (5, -7, 100))
    assert volume.array[1, 2, 4] == 21 + 3 * 4


def test_a_folder_without_dicom_is_refused_in_silence(tmp_path, capfd):
    assert "no series" in refusal(str(tmp_path))
    assert capfd.readouterr() == ("", "")


def test_of_several_series_the_clearly_largest_is_taken(tmp_path):
    write_series(tmp_path / "d", stack(10), "1.2.3")
    write_series(tmp_path / "d", stack(4), "1.2.4")
    assert inputs.read_volume(str(tmp_path / "d"), "fixed image").grid.shape == (8, 9, 10)


def test_several_series_of_similar_size_are_refused(tmp_path):
    write_series(tmp_path / "d", stack(6), "1.2.3")
    write_series(tmp_path / "d", stack(5), "1.2.4")
    assert "2 (of 6, 5 files)" in refusal(str(tmp_path / "d"))


def test_a_series_with_a_missing_slice_is_refused(tmp_path):
    places = stack(8)
    del places[3]
    write_series(tmp_path / "d", places)
    assert "missing" in refusal(str(tmp_path / "d"))


def test_a_tilted_gantry_is_refused(tmp_path):
    write_series(tmp_path / "d", stack(6, dx=0.5))
    assert "tilted by 11.3 degrees" in refusal(str(tmp_path / "d"))


def test_one_slice_of_a_series_is_refused_with_the_way_out(tmp_path):
    write_series(tmp_path / "d", stack(6))
    assert "folder of the whole series" in refusal(str(tmp_path / "d" / "1.2.3-001.dcm"))


# ---- masks


def block(shape=(6, 7, 8), dtype="uint8", value=1) -> sitk.Image:
    array = np.zeros(shape, dtype)
    array[2:4, 2:5, 3:6] = value
    return sitk.GetImageFromArray(array.transpose(2, 1, 0))


def test_a_mask_on_the_grid_of_its_image_is_zeros_and_ones(tmp_path):
    grid = grid_of(saved(ramp(), tmp_path / "image.nrrd"))
    mask = inputs.read_mask(saved(block(value=255), tmp_path / "mask.nrrd"), grid, "fixed mask")
    assert mask.array.dtype == np.uint8
    assert mask.array.sum() == 2 * 3 * 3
    assert mask.array[2, 2, 3] == 1


def test_a_mask_on_another_grid_is_carried_to_that_of_the_image(tmp_path):
    grid = grid_of(saved(ramp((12, 14, 16)), tmp_path / "image.nrrd"))
    coarse = block()
    coarse.SetSpacing((2, 2, 2))
    coarse.SetOrigin((0.5, 0.5, 0.5))  # each of its voxels covers exactly eight of the image
    mask = inputs.read_mask(saved(coarse, tmp_path / "mask.nrrd"), grid, "fixed mask")
    assert mask.grid == grid
    assert mask.array.sum() == 8 * 2 * 3 * 3
    assert mask.array[4:8, 4:10, 6:12].all()


def test_a_mask_turned_by_its_header_keeps_its_place(tmp_path):
    grid = grid_of(saved(ramp(), tmp_path / "image.nrrd"))
    flipped = sitk.Flip(block(), (True, False, True))
    mask = inputs.read_mask(saved(flipped, tmp_path / "mask.nrrd"), grid, "fixed mask")
    assert mask.array[2:4, 2:5, 3:6].all() and mask.array.sum() == 18


def test_an_empty_mask_is_refused(tmp_path):
    grid = grid_of(saved(ramp(), tmp_path / "image.nrrd"))
    with pytest.raises(InputError, match="fixed mask is empty"):
        inputs.read_mask(saved(block(value=0), tmp_path / "mask.nrrd"), grid, "fixed mask")


@pytest.mark.parametrize("reader", [inputs.read_mask, inputs.read_labels])
def test_a_mask_or_label_map_beside_its_image_is_refused(tmp_path, reader):
    grid = grid_of(saved(ramp(), tmp_path / "image.nrrd"))
    far = block()
    far.SetOrigin((4.6, 0, 0))  # its box meets the image's, its marked voxels do not
    with pytest.raises(InputError, match="do not overlap"):
        reader(saved(far, tmp_path / "mask.nrrd"), grid, "moving labels")


@pytest.mark.parametrize("reader", [inputs.read_mask, inputs.read_labels])
def test_fractions_in_a_mask_or_label_map_are_refused(tmp_path, reader):
    grid = grid_of(saved(ramp(), tmp_path / "image.nrrd"))
    with pytest.raises(InputError, match="whole numbers"):
        reader(saved(block(dtype="float32", value=0.5), tmp_path / "mask.nrrd"), grid, "fixed labels")


# ---- label maps


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint32", "int64"])
def test_labels_keep_their_own_type_and_grid(tmp_path, dtype):
    grid = grid_of(saved(ramp(), tmp_path / "image.nrrd"))
    shifted = block(dtype=dtype, value=100)
    shifted.SetOrigin((1.5, 0, 0))
    labels = inputs.read_labels(saved(shifted, tmp_path / "labels.nrrd"), grid, "moving labels")
    assert labels.array.dtype == np.dtype(dtype)
    assert labels.array[2, 2, 3] == 100
    assert labels.grid.origin == (1.5, 0, 0)


def test_whole_numbers_stored_as_float_become_integers(tmp_path):
    grid = grid_of(saved(ramp(), tmp_path / "image.nrrd"))
    labels = inputs.read_labels(saved(block(dtype="float64", value=17), tmp_path / "l.nii.gz"), grid, "moving labels")
    assert labels.array.dtype == np.int32
    assert labels.array.max() == 17


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e12], ids=str)
def test_labels_that_are_no_small_numbers_are_refused(tmp_path, value):
    grid = grid_of(saved(ramp(), tmp_path / "image.nrrd"))
    path = saved(block(dtype="float64", value=value), tmp_path / "l.nrrd")
    with pytest.raises(InputError, match="whole numbers"):
        inputs.read_labels(path, grid, "moving labels")


# ---- checksums


def test_the_checksum_of_a_file_is_its_sha256(tmp_path):
    (tmp_path / "ä b.nrrd").write_bytes(b"abc")
    assert inputs.checksum(str(tmp_path / "ä b.nrrd")) == hashlib.sha256(b"abc").hexdigest()


def test_the_checksum_of_a_folder_changes_with_any_of_its_files(tmp_path):
    (tmp_path / "a").write_bytes(b"1")
    (tmp_path / "b").write_bytes(b"2")
    before = inputs.checksum(str(tmp_path))
    assert inputs.checksum(str(tmp_path)) == before
    (tmp_path / "b").write_bytes(b"3")
    assert inputs.checksum(str(tmp_path)) != before


def test_the_checksum_of_a_header_covers_the_data_beside_it(tmp_path):
    path = saved(ramp(), tmp_path / "a.mhd")
    before = inputs.checksum(path)
    saved(ramp() + 1, tmp_path / "a.mhd")
    assert inputs.checksum(path) != before


def test_the_checksum_of_a_missing_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="could not be read"):
        inputs.checksum(str(tmp_path / "none"))
