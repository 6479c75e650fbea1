"""How the optimisation goes from coarse to fine."""

from dataclasses import dataclass

COARSEST = 8.0  # mm: the level that large displacements are found on, for anything the size of a head


@dataclass(frozen=True)
class Level:
    """One resolution: rounds of `steps` optimisation steps; each round composes one bounded update."""

    factor: int  # working-grid voxels per voxel of this level
    stride: int  # voxels of this level per control point
    rounds: int
    steps: int


@dataclass(frozen=True)
class Schedule:
    levels: tuple[Level, ...]  # coarse to fine
    window: int = 5  # of local NCC, voxels of the level
    smoothness: float = 1.0  # weight of the diffusion energy (level voxels) against local NCC
    learning_rate: float = 0.2  # Adam, on control values before the tanh bound


def make_schedule(spacing: float, steps: str) -> Schedule:
    """The schedule for a working grid of `spacing` mm; `steps` is "auto" or a number of steps per resolution."""
    factors = [f for f in (8, 4, 2, 1) if f * spacing <= COARSEST * 1.25] or [1]
    finest_useful = 2 if spacing < 1.5 else 1
    chosen = [f for f in factors if f >= finest_useful]
    per_round = 10
    counts = [40] * len(chosen) if steps == "auto" else [int(steps)] * len(chosen)
    levels = [
        Level(factor, 2, -(-count // per_round), min(per_round, count))
        for factor, count in zip(chosen, counts, strict=True)
        if count > 0
    ]
    return Schedule(tuple(levels))
