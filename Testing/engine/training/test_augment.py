"""Random geometry and fields of view: as large as asked for, and nothing where nothing is asked."""

import dataclasses

import numpy as np
import pytest

from sitreg_engine.geometry import apply
from sitreg_engine.training.augment import random_poses
from sitreg_engine.training.fields_of_view import cropped, random_views, stripped
from sitreg_engine.training.settings import AugmentSettings
from sitreg_engine.training.subjects import Subject, load_subject
from sitreg_engine.training.table import Row

POINTS = np.array([(x, y, z) for x in (-40, 40) for y in (-40, 40) for z in (-40, 40)], float)  # mm
NOTHING = AugmentSettings(
    rotation=0, scale=0, shift=0, residual_rotation=0, residual_scale=0, residual_shift=0
)  # fmt: skip


@pytest.fixture
def subject(people, cache) -> Subject:
    return load_subject(
        Row(str(people.folder / "p0.nii.gz"), str(people.folder / "p0_labels.nii.gz"), "", "p0", "train"), cache
    )


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_no_augmentation_leaves_the_poses():
    poses = [np.eye(4), np.diag([1.0, 2, 3, 1])]
    assert all(np.array_equal(a, b) for a, b in zip(random_poses(rng(), poses, NOTHING), poses, strict=True))


def test_the_pair_moves_as_one_where_no_residual_is_asked_for():
    how = AugmentSettings(residual_rotation=0, residual_scale=0, residual_shift=0)
    one, two = random_poses(rng(), [np.eye(4)] * 2, how)
    assert np.array_equal(one, two)
    assert np.abs(one - np.eye(4)).max() > 0.01


def test_what_is_left_between_the_two_is_of_the_size_asked_for():
    how = AugmentSettings(rotation=0, scale=0, shift=0, residual_rotation=0, residual_scale=0, residual_shift=3.0)
    gaps = []
    for seed in range(200):
        one, two = random_poses(rng(seed), [np.eye(4)] * 2, how)
        gaps.append(apply(one @ np.linalg.inv(two), POINTS) - POINTS)
    assert np.abs(gaps).max() < 2 * 3.0
    assert 1.0 < np.sqrt(np.mean(np.square(gaps))) < 3.0  # mm along an axis


def test_rotations_are_in_degrees():
    how = AugmentSettings(**{**vars(NOTHING), "rotation": 10.0})
    turns = []
    for seed in range(200):
        matrix = random_poses(rng(seed), [np.eye(4)], how)[0][:3, :3]
        assert np.allclose(matrix @ matrix.T, np.eye(3), atol=1e-12)
        turns.append(np.degrees(np.arccos((np.trace(matrix) - 1) / 2)))
    assert 12 < max(turns) < 10 * np.sqrt(3)


def test_a_stripped_subject_shows_its_body_alone(subject):
    bare = stripped(subject, 0)
    assert not bare.image.array[~subject.body.array].any()
    assert np.array_equal(bare.image.array[subject.body.array], subject.image.array[subject.body.array])
    assert stripped(subject, 2).image.array.astype(bool).sum() > bare.image.array.astype(bool).sum()


def test_a_cropped_subject_keeps_its_place_in_the_world(subject):
    cut = cropped(subject, np.full((2, 3), 5.0))
    assert all(a < b for a, b in zip(cut.image.grid.shape, subject.image.grid.shape, strict=True))
    voxel = (3, 4, 5)
    place = apply(subject.image.grid.world_to_voxel, apply(cut.image.grid.voxel_to_world, voxel))
    assert cut.image.array[voxel] == subject.image.array[tuple(np.rint(place).astype(int))]


def test_margins_are_in_mm(subject):
    used = np.argwhere(subject.body.array)
    cut = cropped(subject, np.full((2, 3), 5.0))  # a voxel on every side
    assert cut.image.grid.shape == tuple(used.max(axis=0) - used.min(axis=0) + 3)


def test_the_field_of_view_stays_where_nothing_is_asked(subject):
    assert random_views(rng(), [subject], AugmentSettings()) == [subject]


def test_without_labels_nothing_is_cut(subject):
    plain = Subject(subject.image, subject.inside, None, None, None)
    assert random_views(rng(), [plain], AugmentSettings(strip=1.0, crop=1.0)) == [plain]


def test_a_group_is_shown_whole_when_one_of_it_has_no_labels(subject):
    plain = dataclasses.replace(subject, labels=None, body=None)
    for how in (AugmentSettings(strip=1.0), AugmentSettings(crop=1.0)):
        assert random_views(rng(), [subject, plain], how) == [subject, plain]


def test_the_images_of_a_group_are_stripped_together(subject):
    for seed in range(20):
        found = random_views(rng(seed), [subject] * 2, AugmentSettings(strip=0.5))
        assert len({float(s.image.array[0, 0, 0]) for s in found}) == 1
