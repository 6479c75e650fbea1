"""From many starts at a coarse resolution to one map at a fine one."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sitreg_engine.geometry import Grid

from .bfgs import minimise
from .levels import meeting
from .matrices import AFFINE, SIMILARITY
from .objective import Centring, LevelPair, cost

TURN = np.deg2rad(25.0)  # between the starts: the search finds what lies within about 20 degrees of one
REFINED = 6  # of the starts, at most
AGREEING = 3  # when so many of them end in one place, the others are not tried
SAME = 1.0  # mm: what one place is
SMALL = 15.0  # mm: where the radius is less, all lengths of the search are less in proportion


@dataclass(frozen=True)
class Pyramid:
    """The pair at three resolutions, coarse to fine."""

    coarse: LevelPair
    middle: LevelPair
    fine: LevelPair


def search(pyramid: Pyramid, starts: list[np.ndarray], size: int, step: Callable[[float], None]) -> np.ndarray:
    """The best parameters (size,) for `size` 6 (rigid) or 12 (affine); `step` hears the share done, 0..1.

    No start is chosen by chance: when each has its inverse among the `starts`, swapping the images gives the
    same search with all signs changed.
    """
    best = _best_rigid(pyramid.coarse, starts, lambda share: step(0.1 + 0.3 * share))
    middle = _met(pyramid.middle, best)
    best = _minimise(middle, best, 30, 2.0, 0.02)
    step(0.5)
    if size == AFFINE:
        best = _minimise(middle, np.append(best, 0.0), 20, 2.0, 0.02)
        best = _minimise(middle, np.append(best, np.zeros(AFFINE - SIMILARITY)), 40, 2.0, 0.02)
    step(0.7)
    return _minimise(_met(pyramid.fine, best), best, 40, 0.5, 0.002)


def _met(pair: LevelPair, parameters: np.ndarray) -> LevelPair:
    """The pair compared only where the domains of both images meet under the map."""
    matrix = pair.centring.matrix(parameters)
    fixed = meeting(pair.fixed, pair.moving, matrix)
    moving = meeting(pair.moving, pair.fixed, np.linalg.inv(matrix))
    return LevelPair(fixed, moving, pair.centring)


def _best_rigid(pair: LevelPair, starts: list[np.ndarray], step: Callable[[float], None]) -> np.ndarray:
    candidates = sorted(starts, key=lambda p: cost(pair, p)[0])
    refined: list[np.ndarray] = []
    for index, candidate in enumerate(_distinct(candidates, pair.centring.radius)):
        refined.append(_minimise(pair, candidate, 30, 4.0, 0.05))
        best = min(refined, key=lambda p: cost(pair, p)[0])
        step((index + 1) / REFINED)
        if sum(np.linalg.norm(other - best) < SAME * _unit(pair) for other in refined) == AGREEING:
            break
    return best


def _minimise(pair: LevelPair, start: np.ndarray, steps: int, first_step: float, tolerance: float) -> np.ndarray:
    """`first_step` and `tolerance` in mm of an object that is not small."""
    unit = _unit(pair)
    return minimise(lambda parameters: cost(pair, parameters), start, steps, first_step * unit, tolerance * unit)


def _unit(pair: LevelPair) -> float:
    return min(1.0, pair.centring.radius / SMALL)


def near_starts(centring: Centring, fixed: Grid, moving: Grid) -> list[np.ndarray]:
    """Rigid starts (6,): foregrounds, fields of view and world coordinates in register, each turned and shifted."""
    shift = centring.radius / 2
    world = centring.fixed_centre - centring.moving_centre
    views = (moving.centre - centring.moving_centre) - (fixed.centre - centring.fixed_centre)
    offsets = [sign * shift * axis for axis in np.eye(3) for sign in (1, -1)]
    turns = [sign * TURN * centring.radius * axis for axis in np.eye(3) for sign in (1, -1)]
    still = np.zeros(3)
    return [np.concatenate([t, r]) for t in (still, world, views, *offsets) for r in (still, *turns)]


def turned_starts(centring: Centring) -> list[np.ndarray]:
    """Rigid starts (6,) for headers that name the wrong axes: the 23 other ways to hold a cube, centred.

    Half turns come with both signs, so that each start has its inverse.
    """
    angles = {1: (np.pi / 2, np.pi), 2: (np.pi,), 3: (2 * np.pi / 3,)}  # about face, edge and corner axes
    axes = [np.array(axis) for axis in itertools.product((-1, 0, 1), repeat=3) if any(axis)]
    return [
        np.concatenate([np.zeros(3), angle * centring.radius * axis / np.linalg.norm(axis)])
        for axis in axes
        for angle in angles[int(axis @ axis)]
    ]


def _distinct(candidates: list[np.ndarray], radius: float) -> list[np.ndarray]:
    """The first candidates that are not next to a better one."""
    chosen: list[np.ndarray] = []
    for candidate in candidates:
        if all(np.linalg.norm(candidate - other) > 0.2 * radius for other in chosen):
            chosen.append(candidate)
        if len(chosen) == REFINED:
            break
    return chosen
