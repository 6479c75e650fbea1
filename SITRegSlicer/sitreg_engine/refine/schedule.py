"""How the optimisation goes from coarse to fine."""

from dataclasses import dataclass
from math import inf, isinf, prod

from sitreg_engine.effort import Effort

MOST_VOXELS = 10_000_000  # of the finest level: a head at 1 mm
# Rounds times voxels of a level after a coarser one, which gets one round at least: it finds what is left at that size,
# and costs as much as all others. Measured on brains at 1 mm, 10 million voxels: Dice 0.648 without, 0.685 with one
# round, 0.689 with two; at 1.4 mm, 1.9 million: 0.708, 0.714 and 0.716 with one, two and four, in 14, 16 and 28 s.
MANY_VOXELS = 5_000_000
LEAST_SIDE = 10  # voxels along the shortest side of the coarsest level
# The same of a slab, whose other sides are long enough for coarser levels: what moves along it is to be found there.
_LEAST_OF_SLAB = 4
STEPS = 40  # per level
_PER_ROUND = 10
# Of a round on the grid itself, where it has one or two. Measured with 10, 8 and 7: two at 1.4 mm (five pairs) Dice
# 0.7109, 0.7110, 0.7103 in 12.8, 11.3 and 10.3 s; one at 1 mm (one pair) 0.681 with 10 and 8.
_IN_LARGE_ROUND = 8
_FEW_ROUNDS = 2
_ROUNDS_IN_TIME = 12  # at most, where it is time that ends a level; as a rule its small gain ends it sooner
# On the grid itself maps have to be smoother: they are saved at this spacing, and inverse consistency is lost where
# they bend between two samples. Measured on brains at 1 mm with 1, 1.2 and 1.5: Dice 0.684, 0.682, 0.678; error 0.018,
# 0.017, 0.015 mm, at most 0.66, 0.31, 0.29 mm.
_SMOOTHNESS_ON_GRID = 1.2


@dataclass(frozen=True)
class Level:
    """One resolution: rounds of `steps` optimisation steps; each round composes one bounded update."""

    factor: int  # working-grid voxels per voxel of this level
    stride: int  # voxels of this level per control point
    rounds: int
    steps: int
    smoothness: float = 1.0  # weight of the diffusion energy (level voxels) against local NCC


@dataclass(frozen=True)
class Schedule:
    levels: tuple[Level, ...]  # coarse to fine
    window: int = 5  # of local NCC, voxels of the level
    learning_rate: float = 0.2  # Adam, on control values before the tanh bound
    seconds: float = inf  # of wall time for all levels


def make_schedule(shape: tuple[int, int, int], effort: Effort) -> Schedule:
    """The schedule for a working grid of `shape`."""
    if effort.is_none:
        return Schedule(())
    factors = _factors(shape)
    levels = (_level(factor, prod(shape) // factor**3, effort, factor == factors[0]) for factor in factors)
    return Schedule(tuple(levels), seconds=effort.seconds)


def _level(factor: int, voxels: int, effort: Effort, coarsest: bool) -> Level:
    count = STEPS if effort.steps is None else effort.steps
    rounds = -(-count // _PER_ROUND)
    steps = -(-count // rounds)  # equal rounds: hardly more than were asked for
    if not isinf(effort.seconds):
        rounds = _ROUNDS_IN_TIME
    elif effort.steps is None and not coarsest:
        rounds = max(min(rounds, MANY_VOXELS // voxels), 1)
        steps = _IN_LARGE_ROUND if factor == 1 and rounds <= _FEW_ROUNDS else steps
    return Level(factor, 2, rounds, steps, _SMOOTHNESS_ON_GRID if factor == 1 else 1.0)


def _factors(shape: tuple[int, int, int]) -> list[int]:
    """Powers of two, coarse to fine; at least one."""
    fitting = [f for f in (16, 8, 4, 2, 1) if prod(shape) / f**3 <= MOST_VOXELS and not any(n % f for n in shape)]
    return [f for f in fitting if _is_seen(shape, f)] or fitting[-1:]


def _is_seen(shape: tuple[int, int, int], factor: int) -> bool:
    """Whether enough is left of a grid in voxels that many times its own."""
    across, shortest = prod(shape) ** (1 / 3) / factor, min(shape) / factor
    return shortest >= LEAST_SIDE or (across >= LEAST_SIDE and shortest >= max(_LEAST_OF_SLAB, min(shape) / 4))
