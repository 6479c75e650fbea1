"""Local cross-correlation, against its definition written out."""

import numpy as np
import pytest

from sitreg_engine.errors import InputError
from sitreg_engine.quality.local_ncc import local_ncc, mean_local_nccs
from sitreg_engine.quality.sampling import eroded
from sitreg_engine.quality.similarity import similarity_measures

SHAPE = (16, 17, 18)


def mean_local_ncc(first: np.ndarray, second: np.ndarray, *args, **settings) -> float:
    return mean_local_nccs(first, [second], *args, **settings)[0]


def noise(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(50, 10, SHAPE).astype(np.float32)


def test_an_image_correlates_fully_with_itself_whatever_scale_and_shift():
    image = noise(0)
    assert mean_local_ncc(image, image) == pytest.approx(1, abs=1e-4)
    assert mean_local_ncc(image, 300 - 4 * image) == pytest.approx(-1, abs=1e-4)
    assert mean_local_ncc(image, 7 * image + 2000) == pytest.approx(1, abs=1e-3)


def test_independent_noise_does_not_correlate():
    assert abs(mean_local_ncc(noise(0), noise(1))) < 0.02


@pytest.mark.parametrize("at", [(8, 8, 8), (0, 5, 17), (15, 16, 17)])
@pytest.mark.parametrize("window", [3, 7])
def test_it_is_the_correlation_of_the_two_cubes_also_at_the_border(at, window):
    a, b = noise(0), 0.3 * noise(0) + noise(1)
    cube = tuple(slice(max(i - window // 2, 0), i + window // 2 + 1) for i in at)
    truth = np.corrcoef(a[cube].ravel(), b[cube].ravel())[0, 1]
    assert local_ncc(a, b, window)[at] == pytest.approx(truth, abs=1e-4)


def test_where_both_are_flat_nothing_is_said_and_where_one_is_flat_it_is_zero():
    a, b = noise(0), noise(0)
    a[:8], b[:8] = 3.0, 3.0
    b[8:] = 3.0
    ncc = local_ncc(a, b, 3)
    assert np.isnan(ncc[:7]).all()
    assert np.all(ncc[7:] == 0)
    assert mean_local_ncc(a, b, window=3) == 0


def test_a_trace_of_structure_counts_as_flat():
    a, b = noise(0), noise(0)
    b[8:] = 50 + 1e-3 * (a[8:] - 50)
    ncc = local_ncc(a, b, 3)
    assert np.all(ncc[9:] == 0) and np.all(ncc[:7] > 0.99)


@pytest.mark.parametrize("broken", [1e6, -1e9, 1e30, np.finfo(np.float32).max])
def test_a_broken_voxel_does_not_make_all_else_flat(broken):
    a, b = noise(0), 0.5 * noise(0) + noise(1)
    spoilt = b.copy()
    spoilt[3, 3, 3] = broken
    far = np.ones(SHAPE, bool)
    far[:7, :7, :7] = False
    assert mean_local_ncc(a, spoilt, far) == pytest.approx(mean_local_ncc(a, b, far), abs=1e-3)
    assert np.isfinite(local_ncc(a, spoilt)).all()


def test_padding_with_the_largest_number_leaves_the_rest_a_number():
    a, b = noise(0), noise(0)
    b[:2] = np.finfo(np.float32).max
    assert -1 <= mean_local_ncc(a, b) <= 1


def test_constant_images_have_no_correlation():
    flat = np.full(SHAPE, 1e6, np.float32)
    assert np.isnan(mean_local_ncc(flat, flat))
    assert mean_local_ncc(noise(0), flat) == 0


def test_only_the_mask_counts():
    a, b = noise(0), noise(1)
    b[:, :, 9:] = a[:, :, 9:]
    mask = np.zeros(SHAPE, dtype=bool)
    mask[:, :, 12:] = True
    assert mean_local_ncc(a, b, mask) == pytest.approx(1, abs=1e-4)
    assert mean_local_ncc(a, b) < 0.7
    assert np.isnan(mean_local_ncc(a, b, np.zeros(SHAPE, dtype=bool)))


def test_a_mask_changes_only_where_it_looks():
    a, b = noise(0), 0.5 * noise(0) + noise(1)
    mask = np.zeros(SHAPE, dtype=bool)
    mask[5:9, 5:9, 5:9] = True
    assert mean_local_ncc(a, b, mask) == pytest.approx(float(local_ncc(a, b)[mask].mean()), abs=1e-3)


def test_integer_images_are_taken_as_numbers():
    image = np.random.default_rng(0).integers(-1000, 2000, SHAPE).astype(np.int16)
    assert mean_local_ncc(image, image.astype(np.float64)) == pytest.approx(1, abs=1e-4)


def test_before_and_after_are_named():
    everywhere = np.ones(SHAPE, bool), "everywhere"
    before, after = similarity_measures(noise(0), noise(1), noise(0), *everywhere)
    assert (before.name, after.name) == ("ncc_before", "ncc")
    assert after.value > 0.99 > 0.1 > before.value
    half = 0.5 * noise(0) + 0.5 * noise(1)
    _, aligned, _ = similarity_measures(noise(0), noise(1), noise(0), *everywhere, aligned=half)
    assert "everywhere, after alignment" in aligned.description
    assert aligned.name == "ncc_aligned" and 0.5 < aligned.value < 0.9


def test_what_lies_near_something_else_is_taken_off_and_the_edge_is_nothing_else():
    where = np.ones((9, 8, 2), bool)
    where[4, 7, 1] = False
    expected = np.ones((9, 8, 2), bool)
    expected[2:7, 5:, :] = False
    assert np.array_equal(eroded(where, 2), expected)
    assert where.sum() == where.size - 1  # what was given stays as it is


def test_several_images_are_compared_as_each_alone():
    mask = noise(3) > 45
    others = [noise(1), 0.5 * noise(0) + noise(2), noise(0)]
    alone = [mean_local_ncc(noise(0), other, mask) for other in others]
    assert mean_local_nccs(noise(0), others, mask) == pytest.approx(alone, abs=1e-9)


def test_comparing_can_be_stopped():
    def stop() -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        mean_local_nccs(noise(0), [noise(1)], check=stop)


def test_images_of_different_shapes_are_refused():
    with pytest.raises(InputError, match="one grid"):
        local_ncc(noise(0), noise(0)[1:])
    with pytest.raises(InputError, match="one grid"):
        mean_local_nccs(noise(0), [noise(0), noise(0)[1:]])


@pytest.mark.parametrize("window", [0, 4, -3])
def test_an_even_window_is_refused(window):
    with pytest.raises(InputError, match="odd"):
        local_ncc(noise(0), noise(0), window)


def test_a_long_image_is_the_same_in_one_slab_or_many():
    a = np.random.default_rng(0).normal(0, 1, (600, 64, 64)).astype(np.float32)  # many tiles
    b = 0.5 * a + np.random.default_rng(1).normal(0, 1, a.shape).astype(np.float32)
    ncc = local_ncc(a, b)
    for i in (0, 253, 255, 256, 258, 599):
        cube = (slice(max(i - 3, 0), i + 4), slice(27, 34), slice(30, 37))
        assert ncc[i, 30, 33] == pytest.approx(np.corrcoef(a[cube].ravel(), b[cube].ravel())[0, 1], abs=1e-4)
