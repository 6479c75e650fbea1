"""Changed intensities and made-up images: what changes, and what must not."""

import numpy as np
import pytest

from sitreg_engine.geometry import Grid, apply
from sitreg_engine.images import Volume
from sitreg_engine.training.intensities import blurred, in_range, inverted, random_intensities, sliced
from sitreg_engine.training.settings import AugmentSettings
from sitreg_engine.training.subjects import Subject, load_subject
from sitreg_engine.training.synthesis import SHAPES, painted, shapes
from sitreg_engine.training.table import Row

LOUD = AugmentSettings(gamma=0.4, bias=0.3, noise=0.1, blur=6.0, invert=1.0, thick=1.0, thickness=12.0)


@pytest.fixture
def subject(people, cache) -> Subject:
    return load_subject(
        Row(str(people.folder / "p0.nii.gz"), str(people.folder / "p0_labels.nii.gz"), "", "p0", "train"), cache
    )


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def box(shape=(12, 10, 8), spacing=(1.0, 2.0, 3.0)) -> Grid:
    return Grid(shape, spacing, (5.0, -3.0, 2.0), tuple(np.eye(3).ravel()))


def test_what_the_losses_compare_stays_as_it_was(subject):
    changed = random_intensities(rng(), subject, LOUD)
    assert changed.image is subject.image
    assert changed.shown is not None


def test_the_same_seed_gives_the_same_image_and_another_one_another(subject):
    first, again, other = (random_intensities(rng(seed), subject, LOUD).shown.array for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert first.shape != other.shape or not np.array_equal(first, other)


def test_one_option_does_not_change_what_another_one_draws(subject):
    alone = random_intensities(rng(5), subject, AugmentSettings(bias=0.3)).shown.array
    both = random_intensities(rng(5), subject, AugmentSettings(bias=0.3, gamma=1e-9)).shown.array
    assert np.allclose(np.maximum(alone, 0), both, atol=1e-5)


def test_the_range_is_told_by_percentiles():
    values = in_range(np.linspace(-50, 150, 20001, dtype=np.float32))
    assert np.percentile(values, [1, 99.5]) == pytest.approx([0, 1], abs=1e-3)


def test_inverted_contrast_makes_bright_dark_and_leaves_the_air():
    values = inverted(np.linspace(0, 1, 101, dtype=np.float32), np.array([0.9, 0.1, 0.6, 0.3]))
    assert values[0] == 0
    assert (np.diff(values[10:]) <= 0).all()
    assert values[8] > values[-1] + 0.3


def test_blur_is_in_mm_and_keeps_the_mean():
    array = np.zeros((41, 41, 41), np.float32)
    array[20, 20, 20] = 1
    grid = Grid(array.shape, (1.0, 2.0, 1.0), (0.0, 0.0, 0.0), tuple(np.eye(3).ravel()))
    found = blurred(Volume(array, grid), 3.0).array
    index = np.arange(41) - 20
    widths = [np.sqrt((found.sum(axis=(1, 2)) * index**2).sum()), np.sqrt((found.sum(axis=(0, 2)) * index**2).sum())]
    assert found.sum() == pytest.approx(1.0, abs=0.01)
    assert widths == pytest.approx([3.0, 1.5], rel=0.05)


def test_thick_slices_are_means_at_the_middle_of_their_voxels():
    array = np.arange(12 * 10 * 8, dtype=np.float32).reshape(12, 10, 8)
    thick = sliced(Volume(array, box()), 0, 3.0)
    assert (thick.grid.shape, thick.grid.spacing) == ((4, 10, 8), (3.0, 2.0, 3.0))
    assert np.allclose(thick.array, array.reshape(4, 3, 10, 8).mean(axis=1))
    assert np.allclose(
        apply(thick.grid.voxel_to_world, (1, 2, 3)), apply(box().voxel_to_world, (4, 2, 3))
    )  # voxels 3, 4, 5


def test_slices_thinner_than_the_voxels_change_nothing():
    volume = Volume(np.zeros((12, 10, 8), np.float32), box())
    assert sliced(volume, 2, 3.5) is volume


def test_a_painted_subject_has_one_grey_for_each_label(subject):
    shown = painted(rng(), subject).shown.array
    inner = subject.labels.array == 2
    assert shown[inner].std() < 0.15
    means = [shown[subject.labels.array == label].mean() for label in (1, 2, 3)]
    assert np.ptp(means) > 0.05


def test_two_paintings_of_a_person_have_different_greys(subject):
    one, two = (painted(rng(seed), subject).shown.array for seed in (1, 2))
    assert abs(one[subject.labels.array == 2].mean() - two[subject.labels.array == 2].mean()) > 0.02


def test_without_labels_there_is_nothing_to_paint(subject):
    plain = Subject(subject.image, subject.inside, None, None, None)
    assert painted(rng(), plain) is plain


def test_shapes_come_deformed_with_their_labels():
    one, two = shapes(rng(), 2, 8.0)
    assert one.image.grid == two.image.grid
    agreement = (one.labels.array == two.labels.array).mean()
    assert 0.3 < agreement < 0.99
    assert one.labels.array.max() < SHAPES
    greys = {float(one.image.array[one.labels.array == label][0]) for label in np.unique(one.labels.array)}
    for label in np.unique(one.labels.array):
        assert np.ptp(one.image.array[one.labels.array == label]) == 0
    assert len(greys) > 5
    assert not np.array_equal(one.shown.array, one.image.array)
