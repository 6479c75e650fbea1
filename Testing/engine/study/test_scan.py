"""A scan: what the engine looks at, however the file stores it."""

import numpy as np

from sitreg_engine.geometry import Grid
from sitreg_engine.images import Volume
from sitreg_engine.scan import make_scan


def block(*, padded: bool = False) -> Volume:
    """Bright tissue in the middle of air; padding, where there is some, in a corner."""
    array = np.random.default_rng(0).uniform(0, 5, (24, 26, 28)).astype(np.float32)
    array[6:18, 7:20, 8:20] += 100
    if padded:
        array[:3] = -9999
    return Volume(array, Grid((24, 26, 28), (4.0, 4.0, 4.0), (0.0, 0.0, 0.0), tuple(map(float, np.eye(3).ravel()))))


def test_a_scan_shows_where_something_is():
    scan = make_scan(block())
    places = np.argwhere(scan.inside.array) * np.array(scan.inside.grid.spacing) + np.array(scan.inside.grid.origin)
    assert np.allclose(places.min(axis=0), (24, 28, 32), atol=4.1)
    assert np.allclose(places.max(axis=0), (68, 76, 76), atol=4.1)
    assert scan.mask is None


def test_padding_is_no_part_of_it():
    assert make_scan(block(padded=True)).image.array.min() >= 0


def test_a_mask_says_where_instead():
    mask = np.zeros((24, 26, 28), np.uint8)
    mask[10:13, 10:13, 10:13] = 7
    image = block()
    scan = make_scan(image, Volume(mask, image.grid))
    assert scan.mask.array.sum() == 27 * 7
    assert 27 <= scan.inside.array.sum() <= 5**3


def test_however_it_is_stored_it_is_the_same(tools, storage):
    image = block()
    stored, plain = make_scan(tools.stored(image, *storage)), make_scan(image)
    assert np.array_equal(stored.image.array, plain.image.array)
    assert np.allclose(stored.image.grid.voxel_to_world, plain.image.grid.voxel_to_world)
    assert np.array_equal(stored.inside.array, plain.inside.array)
