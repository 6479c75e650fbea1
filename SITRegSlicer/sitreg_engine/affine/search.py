"""From many starts at a coarse resolution to one map at a fine one."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sitreg_engine.geometry import Grid

from .bfgs import minimise
from .matrices import AFFINE, SIMILARITY
from .objective import Centring, LevelPair, cost

TURN = np.deg2rad(25.0)  # between the starts: the search finds what lies within about 20 degrees of one
REFINED = 6  # of the starts


@dataclass(frozen=True)
class Pyramid:
    """The pair at three resolutions, coarse to fine."""

    coarse: LevelPair
    middle: LevelPair
    fine: LevelPair


def search(pyramid: Pyramid, fixed: Grid, moving: Grid, size: int, step: Callable[[float], None]) -> np.ndarray:
    """The best parameters (size,) for `size` 6 (rigid) or 12 (affine); `step` hears the share done, 0..1.

    Every set of starts holds with each its inverse, and none is chosen by chance: swapping the images
    gives the same search with all signs changed.
    """
    coarse = pyramid.coarse
    candidates = sorted(starts(coarse.centring, fixed, moving), key=lambda p: cost(coarse, p)[0])
    refined = []
    for index, candidate in enumerate(_distinct(candidates, coarse.centring.radius)):
        refined.append(_minimise(coarse, candidate, 30, 4.0, 0.05))
        step(0.1 + 0.3 * index / REFINED)
    best = min(refined, key=lambda p: cost(coarse, p)[0])
    step(0.4)
    best = _minimise(pyramid.middle, best, 30, 2.0, 0.02)
    step(0.5)
    if size == AFFINE:
        best = _minimise(pyramid.middle, np.append(best, 0.0), 20, 2.0, 0.02)
        best = _minimise(pyramid.middle, np.append(best, np.zeros(AFFINE - SIMILARITY)), 40, 2.0, 0.02)
    step(0.6)
    return _minimise(pyramid.fine, best, 40, 0.5, 0.002)


def _minimise(pair: LevelPair, start: np.ndarray, steps: int, first_step: float, tolerance: float) -> np.ndarray:
    return minimise(lambda parameters: cost(pair, parameters), start, steps, first_step, tolerance)


def starts(centring: Centring, fixed: Grid, moving: Grid) -> list[np.ndarray]:
    """Rigid starts (6,): foregrounds, fields of view and world coordinates in register, each turned and shifted."""
    shift = centring.radius / 2
    world = centring.fixed_centre - centring.moving_centre
    views = (moving.centre - centring.moving_centre) - (fixed.centre - centring.fixed_centre)
    offsets = [sign * shift * axis for axis in np.eye(3) for sign in (1, -1)]
    turns = [sign * TURN * centring.radius * axis for axis in np.eye(3) for sign in (1, -1)]
    still = np.zeros(3)
    return [np.concatenate([t, r]) for t in (still, world, views, *offsets) for r in (still, *turns)]


def _distinct(candidates: list[np.ndarray], radius: float) -> list[np.ndarray]:
    """The first candidates that are not next to a better one."""
    chosen: list[np.ndarray] = []
    for candidate in candidates:
        if all(np.linalg.norm(candidate - other) > 0.2 * radius for other in chosen):
            chosen.append(candidate)
        if len(chosen) == REFINED:
            break
    return chosen
