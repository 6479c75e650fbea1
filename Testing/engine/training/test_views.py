"""Working grids in training: the same numbers as at inference, bit by bit."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from sitreg_engine.affine.alignment import Alignment
from sitreg_engine.images import Volume
from sitreg_engine.inputs import read_mask, read_volume
from sitreg_engine.prepare import lay_out, make_pair
from sitreg_engine.scan import make_scan
from sitreg_engine.training.poses import pair_poses
from sitreg_engine.training.subjects import Subject, load_subject
from sitreg_engine.training.table import Row
from sitreg_engine.training.views import make_group, nearest


@pytest.fixture
def rows(people) -> list[Row]:
    return [
        Row(str(people.folder / f"{n}.nii.gz"), *(str(people.folder / f"{n}_labels.nii.gz"),) * 2, n, "train")
        for n in people.names[:2]
    ]


def test_an_aligned_pair_is_prepared_as_at_inference(rows, tmp_path):
    rows = [replace(row, mask="") for row in rows]
    poses = pair_poses(*rows, tmp_path)
    group = make_group([load_subject(row, tmp_path) for row in rows], poses, 6.0)
    moving, fixed = (make_scan(read_volume(row.image, "image")) for row in rows)
    pair = make_pair(lay_out(fixed, moving, Alignment(poses[0] @ np.linalg.inv(poses[1]), "affine")), 6.0)
    assert torch.equal(group.views[0].seen, pair.moving_inside)
    assert torch.equal(group.views[1].seen, pair.fixed_inside)
    # the alignment went through its product and back: equal but for the last digits
    for view, shown in zip(group.views, pair.shown, strict=True):
        assert (view.image - shown).abs().max() < 1e-5


def test_equal_poses_give_equal_bits(rows, tmp_path):
    image = read_volume(rows[0].image, "image")
    mask = read_mask(rows[0].mask, image.grid, "mask")
    subject = load_subject(rows[0], tmp_path)
    scan = make_scan(image, mask)
    pair = make_pair(lay_out(scan, scan, Alignment(np.eye(4), "identity")), 5.0)
    group = make_group([subject, subject], [pair.to_moving, pair.to_fixed], 5.0)
    assert torch.equal(group.views[0].image, pair.shown[0])
    assert torch.equal(group.views[0].mask, pair.moving_mask)
    assert torch.equal(group.views[0].target, group.views[0].image)


def test_labels_are_those_of_the_nearest_voxels(rows, tmp_path):
    subject = load_subject(replace(rows[0], mask=""), tmp_path)
    group = make_group([subject] * 2, [np.eye(4)] * 2, 5.0)
    view = group.views[0]
    assert view.labels.dtype == torch.int32
    assert set(torch.unique(view.labels).tolist()) == {0, 1, 2, 3}
    volume = int((view.labels > 0).sum()) / int((subject.labels.array > 0).sum())
    assert volume == pytest.approx(1.0, abs=0.03)
    assert (view.image[view.labels == 2].mean() > view.image[view.labels == 3].mean() + 0.3).item()


def test_beyond_the_label_map_there_are_no_labels(rows, tmp_path):
    subject = load_subject(replace(rows[0], mask=""), tmp_path)
    ones = Volume(np.ones_like(subject.labels.array), subject.labels.grid)
    far = np.eye(4)
    far[0, 3] = 1e4
    assert not nearest(ones, subject.image.grid, far).any()
    assert bool((nearest(ones, subject.image.grid, np.eye(4)) == 1).all())


def test_the_grid_holds_all_three_images_of_a_triplet(rows, tmp_path):
    subject, away = load_subject(replace(rows[0], mask=""), tmp_path), np.eye(4)
    away[0, 3] = -100.0
    group = make_group([subject] * 3, [np.eye(4), np.eye(4), away], 5.0)
    assert len({int((view.labels > 0).sum()) for view in group.views}) == 1


def test_losses_see_the_image_and_the_network_what_is_shown(rows, tmp_path):
    subject = load_subject(replace(rows[0], mask=""), tmp_path)
    dark = Subject(**{**vars(subject), "shown": Volume(250 - subject.image.array, subject.image.grid)})
    view, usual = (make_group([s, subject], [np.eye(4)] * 2, 5.0).views[0] for s in (dark, subject))
    assert torch.equal(view.target, usual.image)
    assert not torch.equal(view.image, usual.image)
