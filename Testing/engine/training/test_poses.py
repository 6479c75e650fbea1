"""Poses: one alignment for each image gives about what an alignment of each pair would."""

import numpy as np
import pytest
import SimpleITK as sitk

from sitreg_engine.affine.matrices import logm
from sitreg_engine.errors import AlignmentError
from sitreg_engine.geometry import apply
from sitreg_engine.training import poses
from sitreg_engine.training.poses import pair_poses, template_poses
from sitreg_engine.training.table import Row

CORNERS = np.array([(x, y, z) for x in (-40, 40) for y in (-50, 50) for z in (-40, 40)], float)  # mm


@pytest.fixture
def rows(people) -> list[Row]:
    return [
        Row(str(people.folder / f"{n}.nii.gz"), str(people.folder / f"{n}_labels.nii.gz"), "", n, "train")
        for n in people.names[:4]
    ]


def test_by_the_common_pose_a_pair_is_aligned_about_as_by_itself(rows, cache):
    found = template_poses(rows, cache, lambda _: None)
    to_1, to_2 = pair_poses(rows[1], rows[2], cache)
    common = found[2] @ np.linalg.inv(found[1])
    own = to_2 @ np.linalg.inv(to_1)
    assert np.abs(apply(common, CORNERS) - apply(own, CORNERS)).max() < 5.0  # mm, a voxel


def test_the_common_pose_is_the_mean_of_all(rows, cache):
    found = template_poses(rows, cache, lambda _: None)
    # All images lie on one grid here, so that their own frames are the same.
    logs = [logm(pose) for pose in found]
    assert np.abs(logs).max() > 1.0  # mm
    assert np.abs(np.mean(logs, axis=0)).max() < 0.01  # logarithms of products are sums only to first order


def test_swapping_a_pair_swaps_its_poses(rows, cache):
    one, two = pair_poses(rows[0], rows[1], cache)
    other_two, other_one = pair_poses(rows[1], rows[0], cache)
    assert np.abs(one - other_one).max() < 1e-6
    assert np.abs(two - other_two).max() < 1e-6


def test_alignments_are_found_once(rows, cache):
    template_poses(rows, cache, lambda _: None)
    told: list[str] = []
    template_poses(rows, cache, told.append)
    assert told == []


def test_an_image_that_cannot_be_aligned_is_named_and_not_tried_again(rows, tmp_path, monkeypatch):
    noise = sitk.GetImageFromArray(np.random.default_rng(0).normal(size=(24, 30, 26)).astype(np.float32))
    noise.SetSpacing((5.0, 5.0, 5.0))
    sitk.WriteImage(noise, str(tmp_path / "noise.nii.gz"))
    both = [rows[0], Row(str(tmp_path / "noise.nii.gz"), "", "", "n", "train")]
    with pytest.raises(AlignmentError, match=r"noise\.nii\.gz could not be aligned"):
        template_poses(both, tmp_path, lambda _: None)
    monkeypatch.setattr(poses, "align", None)
    with pytest.raises(AlignmentError, match=r"noise\.nii\.gz could not be aligned"):
        template_poses(both, tmp_path, lambda _: None)
