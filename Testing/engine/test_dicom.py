"""DICOM series folders: one volume, or one line that says why not."""

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from sitreg_engine import inputs
from sitreg_engine.errors import InputError


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        inputs.read_volume(str(path), "fixed image")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def write_series(folder: Path, places: list[tuple[float, float, float]], uid: str = "1.2.3") -> None:
    """One DICOM file per position (mm); slices lie in the x-y plane."""
    folder.mkdir(exist_ok=True)
    ramp = np.arange(8) + 10 * np.arange(9)[:, None]
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    for number, place in enumerate(places):
        image = sitk.GetImageFromArray((ramp + 3 * number).astype("int16")[None])
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


def spoil(folder: Path, tag: bytes, value: bytes) -> None:
    """Overwrite the value of a tag (implicit VR, little endian) in the first file, keeping its length."""
    file = sorted(folder.iterdir())[0]
    data = file.read_bytes()
    start = data.index(tag) + len(tag) + 4
    length = int.from_bytes(data[start - 4 : start], "little")
    file.write_bytes(data[:start] + value.ljust(length)[:length] + data[start + length :])


def stack(count: int, dx: float = 0.0) -> list[tuple[float, float, float]]:
    return [(5.0 + dx * n, -7.0, 100.0 + 2.5 * n) for n in range(count)]


def test_a_dicom_folder_is_one_volume_in_the_order_of_its_positions(tmp_path):
    write_series(tmp_path / "séries 1", stack(6))
    volume = inputs.read_volume(str(tmp_path / "séries 1"), "moving image")
    assert volume.grid.shape == (8, 9, 6)
    np.testing.assert_allclose(volume.grid.spacing, (0.5, 0.5, 2.5))
    np.testing.assert_allclose(volume.grid.origin, (5, -7, 100))
    assert volume.array[1, 2, 4] == 21 + 3 * 4


@pytest.mark.parametrize("value", [b"somewhere", b"1\\2", b"nan\\0\\0", b""])
def test_a_position_that_is_no_place_is_refused(tmp_path, value):
    write_series(tmp_path / "a", stack(6))
    spoil(tmp_path / "a", b"\x20\x00\x32\x00", value)
    assert "fixed image" in refusal(tmp_path / "a")


def test_a_folder_without_dicom_is_refused_in_silence(tmp_path, capfd):
    assert "no series" in refusal(tmp_path)
    assert capfd.readouterr() == ("", "")


def test_of_several_series_the_clearly_largest_is_taken(tmp_path):
    write_series(tmp_path / "d", stack(10), "1.2.3")
    write_series(tmp_path / "d", stack(4), "1.2.4")
    assert inputs.read_volume(str(tmp_path / "d"), "fixed image").grid.shape == (8, 9, 10)


def test_several_series_of_similar_size_are_refused(tmp_path):
    write_series(tmp_path / "d", stack(6), "1.2.3")
    write_series(tmp_path / "d", stack(5), "1.2.4")
    assert "2 (of 6, 5 files)" in refusal(tmp_path / "d")


def test_a_series_with_a_missing_slice_is_refused(tmp_path):
    places = stack(8)
    del places[3]
    write_series(tmp_path / "d", places)
    assert "missing" in refusal(tmp_path / "d")


def test_a_tilted_gantry_is_refused(tmp_path):
    write_series(tmp_path / "d", stack(6, dx=0.5))
    assert "tilted by 11.3 degrees" in refusal(tmp_path / "d")


def test_one_slice_of_a_series_is_refused_with_the_way_out(tmp_path):
    write_series(tmp_path / "d", stack(6))
    assert "folder of the whole series" in refusal(tmp_path / "d" / "1.2.3-001.dcm")
