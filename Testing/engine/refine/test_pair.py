"""Refinement of a prepared pair: what comes out is sound, whatever it began from."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from sitreg_engine.affine import Alignment
from sitreg_engine.determinants import smallest_determinant
from sitreg_engine.effort import Effort
from sitreg_engine.geometry import Grid
from sitreg_engine.images import Volume
from sitreg_engine.mappings import compose
from sitreg_engine.models.halfway import HalfWay
from sitreg_engine.prepare import Pair, lay_out, make_pair
from sitreg_engine.refine import make_schedule, refine_pair
from sitreg_engine.refine.instance import nothing_moved
from sitreg_engine.refine.rounds import State
from sitreg_engine.refine.schedule import Level
from sitreg_engine.scan import make_scan

CPU = torch.device("cpu")
INNER = (slice(None), slice(None), *(slice(5, -5),) * 3)


def silent(*_):
    pass


@pytest.fixture(scope="session")
def pair(views) -> Pair:
    grid = Grid(views.shape, (1.0,) * 3, (0.0,) * 3, (1.0, 0, 0, 0, 1.0, 0, 0, 0, 1.0))
    matrix = torch.eye(4).double().numpy()
    return Pair(views.moving, views.fixed, None, None, views.moving_seen, views.fixed_seen, grid, matrix, matrix)


def test_without_levels_and_prediction_nothing_moves(pair):
    found = refine_pair(pair, None, make_schedule(pair.grid.shape, Effort(0)), CPU, silent)
    assert all(float(u.abs().max()) == 0 for u in vars(found).values())


def test_a_prediction_without_levels_stays_and_its_inverses_become_exact(pair, true_displacement):
    rough = HalfWay(true_displacement, -true_displacement, -true_displacement, true_displacement)
    found = refine_pair(pair, rough, make_schedule(pair.grid.shape, Effort(0)), CPU, silent)
    assert torch.allclose(found.left[INNER], rough.left[INNER])
    assert float(compose(found.left, found.left_inverse)[INNER].abs().max()) < 2e-2


def test_a_prediction_that_folds_ends_without_folds(pair):
    torch.manual_seed(0)
    u = torch.randn(1, 3, *pair.grid.shape)
    found = refine_pair(pair, HalfWay(u, -u, -u, u), make_schedule(pair.grid.shape, Effort(0)), CPU, silent)
    assert float(smallest_determinant(u[0]).min()) < 0
    assert all(float(smallest_determinant(u[0]).min()) > 0 for u in (found.forward(), found.inverse()))


def test_the_pair_agrees_better_afterwards(pair, views):
    found = refine_pair(pair, None, make_schedule(pair.grid.shape, Effort(10)), CPU, silent)
    before, after = (
        State.of(views, maps, Level(1, 2, 1, 1), 5).loss
        for maps in (nothing_moved(pair.grid.shape, views.moving), found)
    )
    assert after < before - 0.05


def test_time_that_ends_before_the_finest_level_is_told():
    body = textured((64, 64, 64), 1)
    grid = Grid(body.shape, (1.0,) * 3, (0.0,) * 3, tuple(np.eye(3).ravel()))
    scans = [make_scan(Volume(np.ascontiguousarray(array), grid)) for array in (body, np.roll(body, 2, axis=0))]
    pair = make_pair(lay_out(*scans, Alignment(np.eye(4), "identity")), 1.0)
    hurried, steady = (
        refine_pair(pair, None, make_schedule(pair.grid.shape, effort), CPU, silent)
        for effort in (Effort(seconds=0.05), Effort(2))
    )
    assert "The time for refinement ended at voxels of" in hurried.doubts[0] and steady.doubts == ()


def textured(shape: tuple[int, int, int], seed: int) -> np.ndarray:
    """Smooth blobs of two sizes."""
    generator = torch.Generator().manual_seed(seed)
    sizes = (tuple(n // 4 for n in shape), tuple(n // 10 for n in shape))
    few = [torch.rand(1, 1, *size, generator=generator) for size in sizes]
    return sum(F.interpolate(x, size=shape, mode="trilinear")[0, 0] for x in few).numpy() * 100


def test_a_slab_is_not_pulled_apart_until_the_views_cover_each_other():
    body = textured((80, 80, 60), 1)
    other = np.roll(body, 2, axis=0) + 0.5 * textured((80, 80, 60), 2)  # moved by 2 mm, and no longer quite the same
    grid = Grid((80, 80, 14), (1.0,) * 3, (0.0, 0.0, 20.0), tuple(np.eye(3).ravel()))
    wider = replace(grid, shape=(80, 80, 24), origin=(0.0, 0.0, 15.0))
    scans = (
        make_scan(Volume(np.ascontiguousarray(body[:, :, 20:34]), grid)),
        make_scan(Volume(np.ascontiguousarray(other[:, :, 15:39]), wider)),
    )
    slabs = make_pair(lay_out(*scans, Alignment(np.eye(4), "identity")), 1.0)
    maps = refine_pair(slabs, None, make_schedule(slabs.grid.shape, Effort()), CPU, silent)
    seen = (slabs.fixed_inside * slabs.moving_inside)[0, 0] > 0
    along, across = (maps.forward()[0, axis][seen].abs() for axis in (0, 2))
    assert float(along.median()) == pytest.approx(2.0, abs=0.5)
    assert float(across.mean()) < 0.6  # 1.0 with nothing beyond the views, 0.3 with their edges
