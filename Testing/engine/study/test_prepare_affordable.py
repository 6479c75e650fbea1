"""The working spacing on machines of little memory."""

import numpy as np
import pytest

from sitreg_engine.affine import Alignment
from sitreg_engine.errors import ResourceError
from sitreg_engine.geometry import Grid
from sitreg_engine.images import Volume
from sitreg_engine.prepare import Layout, affordable_spacing, choose_spacing, lay_out
from sitreg_engine.scan import Scan, make_scan


def ball(side: int) -> Volume:
    """A bright ball in a cube of `side` mm, voxels of 1.5 mm."""
    n = round(side / 1.5)
    x, y, z = np.meshgrid(*[np.linspace(-1, 1, n)] * 3, indexing="ij")
    array = np.float32(100 * (x**2 + y**2 + z**2 < 0.8))
    return Volume(array, Grid((n,) * 3, (1.5,) * 3, (0.0, 0.0, 0.0), (1.0, 0, 0, 0, 1, 0, 0, 0, 1)))


def laid_out(*scans: Scan) -> Layout:
    return lay_out(*scans, Alignment(np.eye(4), "identity"))


FIXED, MOVING = make_scan(ball(150)), make_scan(ball(120))
BOTH = laid_out(FIXED, MOVING)


def test_plenty_of_memory_changes_nothing():
    assert affordable_spacing(BOTH, 0.0, 1e12) == (choose_spacing(BOTH), [])
    assert affordable_spacing(BOTH, 2.0, 1e12) == (2.0, [])


def test_little_memory_makes_the_grid_coarser_and_is_told():
    free = 0.9e9
    spacing, told = affordable_spacing(BOTH, 0.0, free)
    assert spacing > choose_spacing(BOTH)
    assert 0.8 * free < BOTH.memory(spacing) < free
    assert len(told) == 1
    assert f"{spacing:.2f} mm instead of" in told[0] and "0.9 GB" in told[0]


def test_a_small_thing_beside_a_very_large_image_is_told_what_it_loses(monkeypatch):
    monkeypatch.setattr("sitreg_engine.prepare.spacing.MAX_VOXELS", 30_000)
    spacing, told = affordable_spacing(BOTH, 0.0, 1e12)
    assert len(told) == 1 and f"Working at {spacing:.2f} mm, as the images are large (1.50 mm otherwise)" in told[0]
    assert affordable_spacing(BOTH, 4.0, 1e12) == (4.0, [])


def test_where_finer_voxels_are_of_no_use_no_memory_is_missed_for_them():
    assert affordable_spacing(BOTH, 0.0, 0.9e9, finest=2.5) == (2.5, [])
    assert affordable_spacing(BOTH, 0.0, 1e12, finest=0.5) == (choose_spacing(BOTH), [])


def test_the_order_of_the_images_does_not_matter():
    assert affordable_spacing(BOTH, 0.0, 0.9e9) == affordable_spacing(laid_out(MOVING, FIXED), 0.0, 0.9e9)


def test_a_wanted_spacing_that_does_not_fit_is_refused_with_one_that_does():
    with pytest.raises(ResourceError, match=r"working spacing of 1 mm.*Give \d+\.\d\d mm or more"):
        affordable_spacing(BOTH, 1.0, 0.9e9)


def test_far_too_little_memory_is_said():
    with pytest.raises(ResourceError, match=r"too little memory for images of this size: 0\.3 GB are free"):
        affordable_spacing(BOTH, 0.0, 0.3e9)
