"""Which resolution to work at: fine enough, and no finer."""

import numpy as np
import pytest

from sitreg_engine.geometry import Grid
from sitreg_engine.images import Volume
from sitreg_engine.prepare import choose_spacing
from sitreg_engine.prepare.spacing import MARGIN, rounded_shape


def block(extent: float, spacing: tuple[float, float, float]) -> Volume:
    """A cube of `extent` mm filled to its border."""
    shape = tuple(round(extent / s) for s in spacing)
    values = np.random.default_rng(0).uniform(50, 100, shape).astype(np.float32)
    return Volume(values, Grid(shape, spacing, (0.0, 0.0, 0.0), tuple(np.eye(3).ravel())))


def test_what_is_wanted_is_taken():
    assert choose_spacing(block(60, (2, 2, 2)), block(60, (3, 3, 3)), 1.7) == 1.7


def test_the_finer_image_decides():
    fine, coarse = block(100, (2.0, 2.0, 2.0)), block(100, (3.0, 3.0, 3.0))
    assert choose_spacing(fine, coarse) == choose_spacing(coarse, fine) == 2.0


def test_voxels_to_refine_with_may_be_finer_than_the_images_but_not_than_reason():
    volume, head = block(100, (2.0, 2.0, 2.0)), block(170, (1.2, 1.2, 1.2))
    assert choose_spacing(volume, volume, share=0.7) == pytest.approx(1.4)
    assert choose_spacing(head, head, max_voxels=10**9, share=0.7) == 1.0
    assert choose_spacing(volume, volume, 3.0, share=0.7) == 3.0


def test_an_anisotropic_image_counts_by_the_volume_of_its_voxels():
    assert choose_spacing(block(96, (1.0, 2.0, 4.0)), block(96, (3.0, 3.0, 3.0))) == pytest.approx(2.0)


def test_a_head_is_not_worked_on_below_a_millimetre():
    assert choose_spacing(block(170, (0.85, 0.85, 0.85)), block(170, (1.7, 1.7, 1.7)), max_voxels=10**9) == 1.0


def test_a_small_object_may_be():
    assert choose_spacing(block(40, (0.5, 0.5, 0.5)), block(40, (0.8, 0.8, 0.8))) == 0.5


@pytest.mark.parametrize("most", [50_000, 200_000])
def test_the_grid_stays_within_the_voxels_allowed(most):
    volume = block(100, (2.0, 2.0, 2.0))
    spacing = choose_spacing(volume, volume, max_voxels=most)
    voxels = np.prod(rounded_shape((np.full(3, 100) + 2 * MARGIN) / spacing))
    assert spacing > 2.0
    assert most / 4 < voxels <= most


def test_shapes_are_rounded_up_to_multiples_of_16():
    assert rounded_shape((1, 16, 16.5)) == (16, 16, 32)
