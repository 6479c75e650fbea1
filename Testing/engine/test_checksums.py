"""SHA-256 of files, folders, and headers with data beside them."""

import hashlib

import pytest
import SimpleITK as sitk

from sitreg_engine import inputs
from sitreg_engine.errors import InputError


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


@pytest.mark.parametrize(("name", "packed"), [("a.mhd", False), ("a.nhdr", True), ("a.hdr", False), ("a.img.gz", True)])
def test_the_checksum_of_a_header_covers_the_data_beside_it(tmp_path, name, packed):
    path, image = str(tmp_path / name), sitk.Image((4, 4, 4), sitk.sitkUInt8)
    sitk.WriteImage(image, path, packed)
    before = inputs.checksum(path)
    sitk.WriteImage(image + 1, path, packed)
    assert inputs.checksum(path) != before


@pytest.mark.parametrize(
    ("header", "text"),
    [
        ("a.mhd", "NDims = 3\nElementDataFile = voxels 1.raw\n"),
        ("a.mhd", "NDims = 3\nElementDataFile = LIST\nvoxels 0.raw\nvoxels 1.raw\n"),
        ("a.mhd", "NDims = 3\nElementDataFile = v%02d.raw 0 1 1\n"),
        ("a.nhdr", "NRRD0004\ndata file: LIST\nbelow/v01.raw\n"),
    ],
)
def test_the_checksum_of_a_header_covers_the_files_that_it_names(tmp_path, header, text):
    (tmp_path / header).write_text(text)
    (tmp_path / "below").mkdir()
    files = [tmp_path / name for name in ("voxels 1.raw", "v01.raw", "below/v01.raw")]
    for file in files:
        file.write_bytes(b"1")
    before = inputs.checksum(str(tmp_path / header))
    assert inputs.checksum(str(tmp_path / header)) == before
    for file in files:
        file.write_bytes(b"2")
    assert inputs.checksum(str(tmp_path / header)) != before


def test_the_checksum_of_a_missing_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="could not be read"):
        inputs.checksum(str(tmp_path / "none"))


def test_the_checksum_of_a_header_in_no_folder_is_refused(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(InputError, match="could not be read"):
        inputs.checksum(str(tmp_path / "file" / "a.mhd"))
