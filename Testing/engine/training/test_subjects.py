"""Subjects: read as at inference, kept on disk, read anew when their files change."""

import os
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from sitreg_engine.errors import InputError
from sitreg_engine.foreground import foreground
from sitreg_engine.inputs import read_volume
from sitreg_engine.study import canonical
from sitreg_engine.training.subjects import key_of, load_subject
from sitreg_engine.training.table import Row


@pytest.fixture
def row(people, tmp_path) -> Row:
    """Copies of one person's files."""
    paths = []
    for name in ("p0.nii.gz", "p0_labels.nii.gz"):
        sitk.WriteImage(sitk.ReadImage(str(people.folder / name)), str(tmp_path / name))
        paths.append(str(tmp_path / name))
    return Row(*paths, "", "p0", "train")


def test_a_subject_is_what_inference_would_read(row, tmp_path):
    subject = load_subject(row, tmp_path)
    image = canonical(read_volume(row.image, "image"))
    assert np.array_equal(subject.image.array, image.array)
    assert subject.image.grid == image.grid
    assert np.array_equal(subject.inside.array, foreground(image).array)
    assert (subject.mask, subject.shown) == (None, None)


def test_the_second_time_it_comes_from_the_cache_and_is_the_same(row, tmp_path):
    first = load_subject(row, tmp_path)
    stored = list((tmp_path / "subjects").iterdir())
    written = [path.stat().st_mtime_ns for path in stored]
    second = load_subject(row, tmp_path)
    assert [path.stat().st_mtime_ns for path in stored] == written
    for name in ("image", "inside", "labels", "body"):
        assert np.array_equal(getattr(first, name).array, getattr(second, name).array)
        assert getattr(first, name).grid == getattr(second, name).grid


def test_a_changed_file_is_read_anew(row, tmp_path):
    key, before = key_of(row), load_subject(row, tmp_path)
    sitk.WriteImage(sitk.ReadImage(row.image) * 2, row.image)
    os.utime(row.image, (1, 1))
    assert key_of(row) != key
    assert np.allclose(load_subject(row, tmp_path).image.array, 2 * before.image.array)


def test_the_same_content_elsewhere_and_at_another_time_needs_no_preparing(row, tmp_path):
    copied = []
    for path in (row.image, row.labels):
        other = tmp_path / "copy" / Path(path).name
        other.parent.mkdir(exist_ok=True)
        other.write_bytes(Path(path).read_bytes())
        os.utime(other, (1, 1))
        copied.append(str(other))
    assert key_of(Row(*copied, "", "p0", "train")) == key_of(row)


def test_the_same_file_in_another_role_is_another_subject(row):
    assert key_of(Row(row.image, row.labels, "", "p0", "train")) != key_of(
        Row(row.image, "", row.labels, "p0", "train")
    )


def test_the_body_is_the_labelled_part_without_holes(row, tmp_path):
    labels = sitk.ReadImage(row.labels)
    labels[13, 15, 12] = 0
    sitk.WriteImage(labels, row.labels)
    subject = load_subject(row, tmp_path)
    assert subject.body.array[13, 15, 12]
    assert subject.body.array.sum() == pytest.approx((subject.labels.array != 0).sum(), rel=0.02)


def test_a_mask_says_what_the_image_shows(row, tmp_path):
    mask = sitk.ReadImage(row.labels) == 3
    sitk.WriteImage(mask, str(tmp_path / "mask.nii.gz"))
    subject = load_subject(Row(row.image, "", str(tmp_path / "mask.nii.gz"), "p0", "train"), tmp_path)
    assert subject.inside.array.sum() < load_subject(row, tmp_path).inside.array.sum() / 4
    assert (subject.labels, subject.body) == (None, None)
    assert subject.mask.array.sum() == sitk.GetArrayViewFromImage(mask).sum()


def test_an_unreadable_image_is_refused(row, tmp_path):
    (tmp_path / "p0.nii.gz").write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"p0\.nii\.gz"):
        load_subject(row, tmp_path)
