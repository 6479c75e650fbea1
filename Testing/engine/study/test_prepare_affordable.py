"""The working spacing on machines of little memory."""

import numpy as np
import pytest

from sitreg_engine.errors import ResourceError
from sitreg_engine.geometry import Grid
from sitreg_engine.images import Volume
from sitreg_engine.memory import needed_memory
from sitreg_engine.prepare import affordable_spacing, choose_spacing
from sitreg_engine.prepare.spacing import working_voxels


def ball(side: int) -> Volume:
    """A bright ball in a cube of `side` mm, voxels of 1.5 mm."""
    n = round(side / 1.5)
    x, y, z = np.meshgrid(*[np.linspace(-1, 1, n)] * 3, indexing="ij")
    array = np.float32(100 * (x**2 + y**2 + z**2 < 0.8))
    return Volume(array, Grid((n,) * 3, (1.5,) * 3, (0.0, 0.0, 0.0), (1.0, 0, 0, 0, 1, 0, 0, 0, 1)))


FIXED, MOVING = ball(150), ball(120)


def test_plenty_of_memory_changes_nothing():
    assert affordable_spacing(FIXED, MOVING, 0.0, 1e12) == (choose_spacing(FIXED, MOVING), [])
    assert affordable_spacing(FIXED, MOVING, 2.0, 1e12) == (2.0, [])


def test_little_memory_makes_the_grid_coarser_and_is_told():
    free = 0.9e9
    spacing, told = affordable_spacing(FIXED, MOVING, 0.0, free)
    assert spacing > choose_spacing(FIXED, MOVING)
    assert needed_memory(working_voxels(FIXED, MOVING, spacing), FIXED.array.size + MOVING.array.size) < free
    assert len(told) == 1
    assert f"{spacing:.2f} mm instead of" in told[0] and "0.9 GB" in told[0]


def test_where_finer_voxels_are_of_no_use_no_memory_is_missed_for_them():
    assert affordable_spacing(FIXED, MOVING, 0.0, 0.9e9, finest=2.5) == (2.5, [])
    assert affordable_spacing(FIXED, MOVING, 0.0, 1e12, finest=0.5) == (choose_spacing(FIXED, MOVING), [])


def test_the_order_of_the_images_does_not_matter():
    assert affordable_spacing(FIXED, MOVING, 0.0, 0.9e9) == affordable_spacing(MOVING, FIXED, 0.0, 0.9e9)


def test_a_wanted_spacing_that_does_not_fit_is_refused_with_one_that_does():
    with pytest.raises(ResourceError, match=r"working spacing of 1 mm.*Give \d+\.\d\d mm or more"):
        affordable_spacing(FIXED, MOVING, 1.0, 0.9e9)


def test_far_too_little_memory_is_said():
    with pytest.raises(ResourceError, match=r"too little memory for images of this size: 0\.3 GB are free"):
        affordable_spacing(FIXED, MOVING, 0.0, 0.3e9)
