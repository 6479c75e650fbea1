import subprocess
import sys
from dataclasses import replace

import pytest
import torch

from sitreg_engine.errors import Cancelled
from sitreg_engine.models.nephi.fitting import FitSettings, fitted, objective
from sitreg_engine.models.nephi.maps import FunctionalMaps, grid_points
from sitreg_engine.models.nephi.model import new_maps
from sitreg_engine.models.nephi.similarity import Likeness

CPU = torch.device("cpu")
QUICK = FitSettings(steps=20, points=400, gradient_points=20, check_every=20)


def nothing(_fraction: float, _text: str) -> None:
    return None


def judged(maps: FunctionalMaps, likeness: Likeness) -> float:
    return float(objective(maps, likeness, replace(QUICK, points=2000), torch.Generator().manual_seed(9)).detach())


def all_weights(maps: FunctionalMaps) -> list[torch.Tensor]:
    weights = [*maps.ahead.state_dict().values(), *maps.back.state_dict().values(), *vars(maps.latents).values()]
    return [w.detach().clone() for w in weights]


def plane(maps: FunctionalMaps) -> tuple[torch.Tensor, torch.Tensor]:
    """Forward and inverse displacements of the slice, (2, 64, 64) pixels."""
    with torch.no_grad():
        found = maps.halfway((64, 64, 1))
    return found.left[0, :2, :, :, 0], found.left_inverse[0, :2, :, :, 0]


def folds(u: torch.Tensor) -> int:
    i, j = (u.diff(dim=1)[:, :, :-1], u.diff(dim=2)[:, :-1])
    return int(((1 + i[0]) * (1 + j[1]) - i[1] * j[0] <= 0).sum())


def test_optimisation_alone_registers_shapes_without_folds_and_with_inverses(disks):
    """The numbers that the method reaches in two dimensions: Dice 0.98, no folds, inverse error 0.2 pixels."""
    settings = FitSettings(steps=100, points=512, gradient_points=64, map_rate=1e-4, code_rate=1e-3, check_every=50)
    maps = fitted(new_maps((64, 64, 1), CPU), Likeness.of(disks, CPU, "global"), settings, nothing)
    ahead, back = plane(maps)
    every = grid_points(torch.arange(64 * 64), (64, 64, 1), disks.fixed)
    with torch.no_grad():
        warped = Likeness.of(disks, CPU).moving.pictures[0].at(maps.forward(every))[0] > 0.5
        error = (maps.backward(maps.forward(every)) - every)[:, :2] * 31.5
    fixed = disks.fixed.flatten() > 0.5
    assert 2 * float((warped & fixed).sum()) / float(warped.sum() + fixed.sum()) > 0.95
    assert folds(ahead) == folds(back) == 0
    assert float(error.norm(dim=1).mean()) < 0.5


@pytest.mark.parametrize("mode", ["full", "latent"])
def test_the_objective_falls_and_the_given_maps_stay_as_they_are(disks, gentle_maps, mode):
    maps, likeness = gentle_maps(), Likeness.of(disks, CPU)
    before = all_weights(maps)
    found = fitted(maps, likeness, replace(QUICK, mode=mode), nothing)
    assert judged(found, likeness) < judged(maps, likeness)
    assert all(torch.equal(a, b) for a, b in zip(before, all_weights(maps), strict=True))


def test_only_the_codes_change_in_latent_mode(disks, gentle_maps):
    maps = gentle_maps()
    found = fitted(maps, Likeness.of(disks, CPU), replace(QUICK, mode="latent"), nothing)
    same = [torch.equal(a, b) for a, b in zip(all_weights(maps), all_weights(found), strict=True)]
    assert all(same[:-2]) and not same[-2] and not same[-1]


def test_what_makes_things_worse_is_not_kept(disks, gentle_maps):
    maps, likeness = gentle_maps(), Likeness.of(disks, CPU)
    found = fitted(maps, likeness, replace(QUICK, map_rate=0.3, code_rate=10.0, warm_up=1), nothing)
    assert judged(found, likeness) < judged(maps, likeness) + 0.02


def test_it_ends_when_nothing_improves(disks, gentle_maps):
    steps = []
    still = replace(QUICK, steps=100, map_rate=0.0, code_rate=0.0, check_every=5, patience=2)
    fitted(gentle_maps(), Likeness.of(disks, CPU), still, lambda fraction, _: steps.append(fraction))
    assert len(steps) == 10


MEASURE = """
import resource, sys, torch
from sitreg_engine.models.nephi.fitting import FitSettings, fitted
from sitreg_engine.models.nephi.model import new_maps
from sitreg_engine.models.nephi.similarity import Likeness
from sitreg_engine.prepare import Pair
side = int(sys.argv[1])
images = torch.rand(2, 1, side, side, side)
seen, cpu = torch.ones(1, 1, side, side, side), torch.device("cpu")
pair = Pair(images[:1], images[1:], None, None, seen, seen, None, None, None)
fitted(new_maps((side,) * 3, cpu), Likeness.of(pair, cpu), FitSettings(steps=2), lambda *_: None)
sys.stdout.write(str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))
"""


def peak(side: int) -> int:
    """KiB of a process that fits a pair of cubes of `side` voxels."""
    return int(subprocess.run([sys.executable, "-c", MEASURE, str(side)], check=True, capture_output=True).stdout)


@pytest.mark.slow
def test_memory_does_not_double_with_twice_the_side():
    assert peak(256) < 2 * peak(128)


def test_every_step_is_told_and_may_stop_it(disks, gentle_maps):
    told = []

    def step(fraction: float, text: str) -> None:
        told.append((fraction, text))
        if len(told) == 3:
            raise Cancelled("stop")

    with pytest.raises(Cancelled):
        fitted(gentle_maps(), Likeness.of(disks, CPU), QUICK, step)
    assert [f for f, _ in told] == [0, 0.05, 0.1] and told[2][1].startswith("Step 3, objective")


def test_the_same_pair_gives_the_same_maps(disks, gentle_maps):
    one, other = (fitted(gentle_maps(), Likeness.of(disks, CPU), QUICK, nothing) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(all_weights(one), all_weights(other), strict=True))


def test_images_without_anything_to_see_leave_finite_maps(disks, gentle_maps):
    empty = replace(disks, moving=torch.zeros_like(disks.moving), fixed=torch.zeros_like(disks.fixed))
    found = fitted(gentle_maps(), Likeness.of(empty, CPU), QUICK, nothing)
    assert all(bool(w.isfinite().all()) for w in all_weights(found))


def test_time_ends_it_too(disks, gentle_maps):
    steps = []
    short = replace(QUICK, steps=10_000, seconds=1.0, check_every=10_000)
    fitted(gentle_maps(), Likeness.of(disks, CPU), short, lambda fraction, _: steps.append(fraction))
    assert 0 < len(steps) < 10_000 and steps == sorted(steps)
