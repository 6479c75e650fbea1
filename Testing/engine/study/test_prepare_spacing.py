"""Which resolution to work at: fine enough, and no finer."""

from dataclasses import replace

import numpy as np
import pytest

from sitreg_engine.affine import Alignment
from sitreg_engine.compose import field_grid
from sitreg_engine.errors import InputError
from sitreg_engine.geometry import Grid
from sitreg_engine.images import Volume
from sitreg_engine.memory import needed_memory
from sitreg_engine.prepare import Layout, choose_spacing, lay_out, make_pair
from sitreg_engine.prepare.layout import rounded_shape
from sitreg_engine.scan import make_scan


def block(extent: float, spacing: tuple[float, float, float]) -> Volume:
    """A cube of `extent` mm filled to its border."""
    shape = tuple(round(extent / s) for s in spacing)
    values = np.random.default_rng(0).uniform(50, 100, shape).astype(np.float32)
    return Volume(values, Grid(shape, spacing, (0.0, 0.0, 0.0), tuple(np.eye(3).ravel())))


def still(fixed: Volume, moving: Volume) -> Layout:
    return lay_out(make_scan(fixed), make_scan(moving), Alignment(np.eye(4), "identity"))


def test_what_is_wanted_is_taken():
    assert choose_spacing(still(block(60, (2, 2, 2)), block(60, (3, 3, 3))), 1.7) == 1.7


def test_the_finer_image_decides():
    fine, coarse = block(100, (2.0, 2.0, 2.0)), block(100, (3.0, 3.0, 3.0))
    assert choose_spacing(still(fine, coarse)) == choose_spacing(still(coarse, fine)) == 2.0


def test_voxels_to_refine_with_may_be_finer_than_the_images_but_not_than_reason():
    volume, head = block(100, (2.0, 2.0, 2.0)), block(170, (1.2, 1.2, 1.2))
    assert choose_spacing(still(volume, volume), share=0.7) == pytest.approx(1.4)
    assert choose_spacing(still(head, head), share=0.7) == 1.0
    assert choose_spacing(still(volume, volume), 3.0, share=0.7) == 3.0


def test_an_anisotropic_image_counts_by_the_volume_of_its_voxels():
    assert choose_spacing(still(block(96, (1.0, 2.0, 4.0)), block(96, (3.0, 3.0, 3.0)))) == pytest.approx(2.0)


def test_a_head_is_not_worked_on_below_a_millimetre():
    assert choose_spacing(still(block(170, (0.85, 0.85, 0.85)), block(170, (1.7, 1.7, 1.7)))) == 1.0


def test_a_small_object_may_be():
    assert choose_spacing(still(block(40, (0.5, 0.5, 0.5)), block(40, (0.8, 0.8, 0.8)))) == 0.5


@pytest.mark.parametrize("most", [50_000, 200_000])
def test_the_grid_stays_within_the_voxels_allowed(monkeypatch, most):
    monkeypatch.setattr("sitreg_engine.prepare.spacing.MAX_VOXELS", most)
    layout = still(block(100, (2.0, 2.0, 2.0)), block(100, (2.0, 2.0, 2.0)))
    spacing = choose_spacing(layout)
    assert spacing > 2.0
    assert most / 4 < layout.extent.voxels(spacing) <= most


def test_scans_that_lie_apart_need_a_grid_over_both(monkeypatch):
    monkeypatch.setattr("sitreg_engine.prepare.spacing.MAX_VOXELS", 300_000)
    volume = block(100, (2.0, 2.0, 2.0))
    away = replace(volume, grid=replace(volume.grid, origin=(150.0, 0.0, 0.0)))
    near, apart = still(volume, volume), still(volume, away)
    assert apart.extent.voxels(2.0) >= 2 * near.extent.voxels(2.0)
    assert choose_spacing(near) == 2.0 < choose_spacing(apart)


def test_a_small_mask_in_a_large_field_of_view_does_not_make_huge_fields(monkeypatch):
    image = block(120, (1.0, 1.0, 1.0))
    mask = np.zeros(image.array.shape, np.uint8)
    mask[50:70, 50:70, 50:70] = 1
    scan = make_scan(image, Volume(mask, image.grid))
    layout = lay_out(scan, scan, Alignment(np.eye(4), "identity"))
    assert choose_spacing(layout, share=0.7) == pytest.approx(0.7)
    assert layout.field_voxels(1.0) == 2 * 120**3
    monkeypatch.setattr("sitreg_engine.prepare.spacing.MAX_FIELD_VOXELS", 1_000_000)
    spacing = choose_spacing(layout, share=0.7)
    assert 1.5 < spacing < 1.6
    assert layout.memory(0.3) > layout.memory(0.6) > needed_memory(0, 0, layout.field_voxels(0.6))


def test_the_voxels_of_the_fields_are_counted_as_they_will_be_saved():
    layout = still(block(120, (0.9, 0.9, 0.9)), block(120, (1.1, 0.9, 2.0)))
    for spacing in (0.5, 0.9, 1.3, 1.4):
        grids = [field_grid(s.image.grid, spacing, s.image.grid.corners()) for s in (layout.fixed, layout.moving)]
        inner = sum(np.prod(np.array(grid.shape) - 2) for grid in grids)  # without a step more on every side
        assert inner == pytest.approx(layout.field_voxels(spacing), rel=0.15)


def test_the_voxels_that_are_counted_are_those_of_the_pair():
    layout = still(block(100, (2.0, 2.0, 2.0)), block(90, (3.0, 3.0, 3.0)))
    assert layout.extent.voxels(4.0) == make_pair(layout, 4.0).fixed.numel()


def test_spacings_without_reason_are_refused():
    layout = still(block(60, (2, 2, 2)), block(60, (2, 2, 2)))
    with pytest.raises(InputError, match=r"0\.05 mm would need .* million voxels .* give at least 0\.\d+ mm"):
        choose_spacing(layout, 0.05)
    with pytest.raises(InputError, match=r"40 mm leaves fewer than 4 voxels .* give at most 15\.00 mm"):
        choose_spacing(layout, 40.0)


def test_shapes_are_rounded_up_to_multiples_of_16():
    assert rounded_shape((1, 16, 16.5)) == (16, 16, 32)
