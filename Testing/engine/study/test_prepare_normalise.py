"""Intensities on a common footing, whatever scale the scanner chose."""

from dataclasses import replace

import numpy as np
import pytest

from sitreg_engine.foreground import foreground, mask_foreground
from sitreg_engine.geometry import Grid
from sitreg_engine.images import Volume
from sitreg_engine.prepare.normalise import SHOULDER, robust_range, soft_clip


def normalised(volume: Volume) -> np.ndarray:
    return robust_range(volume, foreground(volume))


def test_background_is_zero_and_the_brightest_tissue_one(study):
    values = normalised(study.fixed)
    inside = study.fixed.array > 50
    assert values.dtype == np.float32
    assert np.abs(values[study.fixed.array < 0.01]).max() < 1e-3
    assert np.percentile(values[inside], 99.5) == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize(("gain", "shift"), [(0.01, 0), (1e-9, 0), (37, 0), (2, -500)])
def test_gain_and_offset_do_not_matter(study, gain, shift):
    scaled = replace(study.fixed, array=(gain * study.fixed.array + shift).astype(np.float32))
    inside = foreground(study.fixed)
    assert np.allclose(robust_range(scaled, inside), robust_range(study.fixed, inside), atol=1e-3)


def test_a_few_outliers_do_not_matter(study):
    spiked = study.fixed.array.copy()
    spiked[8, 8, 8] = 1e6
    values, expected = normalised(replace(study.fixed, array=spiked)), normalised(study.fixed)
    assert values[8, 8, 8] == pytest.approx(1 + SHOULDER)
    others = np.ones(spiked.shape, bool)
    others[8, 8, 8] = False
    assert np.abs(values - expected)[others].max() < 0.05


def test_the_image_itself_is_not_changed(study):
    before = study.fixed.array.copy()
    normalised(study.fixed)
    assert np.array_equal(study.fixed.array, before)


def test_the_clip_is_soft():
    x = np.linspace(-3, 4, 7001)
    y = soft_clip(x.copy())
    assert np.array_equal(y[(x >= 0) & (x <= 1)], x[(x >= 0) & (x <= 1)])
    assert (np.diff(y) >= 0).all()
    assert y.min() >= -SHOULDER
    assert y.max() <= 1 + SHOULDER
    slopes = np.diff(y) / np.diff(x)
    assert np.abs(np.diff(slopes)).max() < 0.02  # no kink at the joints


def test_a_label_map_has_a_range_too(study):
    values = normalised(replace(study.fixed, array=(study.fixed.array > 50).astype(np.uint8)))
    assert values.min() == 0
    assert values.max() == 1


def test_a_mask_of_one_thick_slice_has_values_to_go_by():
    grid = Grid((340, 340, 60), (0.7, 0.7, 5.0), (0.0, 0.0, 0.0), tuple(map(float, np.eye(3).ravel())))
    values = np.random.default_rng(0).random(grid.shape, dtype=np.float32)
    values[:, :, 31] += 10
    mask = np.zeros(grid.shape, bool)
    mask[150:190, 150:190, 31] = True
    found = robust_range(Volume(values, grid), mask_foreground(Volume(mask, grid)))
    assert float(found[mask].mean()) == pytest.approx(0.95, abs=0.05)


def test_of_a_region_between_the_voxels_looked_at_the_nearest_values_count(monkeypatch):
    monkeypatch.setattr("sitreg_engine.prepare.normalise._SAMPLES", 8)
    grid = Grid((8, 8, 8), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), tuple(map(float, np.eye(3).ravel())))
    inside = np.zeros(grid.shape, bool)
    inside[1, 1, 1] = True
    values = np.arange(512, dtype=np.float32).reshape(grid.shape)
    assert robust_range(Volume(values, grid), Volume(inside, grid))[1, 1, 1] == pytest.approx(1.0, abs=1e-6)
