"""What one training step, or one step of instance optimisation, takes on images of a given size."""

import dataclasses
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from accuracy_pairs import ROOT
from claims_judge import pair_of
from claims_methods import settings_of
from claims_networks import register_baseline
from speed_process import peak_of
from torch import Tensor

from sitreg_engine.models.nephi.fitting import FitSettings, fitted
from sitreg_engine.models.nephi.model import new_maps
from sitreg_engine.models.nephi.similarity import Likeness
from sitreg_engine.training.networks import build_network
from sitreg_engine.training.processes import Processes
from sitreg_engine.training.settings import RunSettings
from sitreg_engine.training.state import new_state
from sitreg_engine.training.step import train_step
from sitreg_engine.training.views import Group, View

Shape = tuple[int, int, int]
SMALL: Shape = (16, 16, 16)  # voxels, of the step that loads what is loaded once
NOTHING, FITTING = "nothing", "nephi_fitting"


@dataclass(frozen=True)
class StepCost:
    """Of a process that has made the steps and nothing else; shape in voxels."""

    what: str  # one of METHODS, NOTHING or FITTING
    shape: Shape
    cpu_seconds: float  # of one step, median
    wall_seconds: float
    peak_mib: float  # largest resident size of the process

    @classmethod
    def read(cls, found: dict) -> "StepCost":
        return cls(**{**found, "shape": tuple(found["shape"])})


def step_cost(what: str, shape: Shape, repeats: int) -> StepCost:
    """Of `repeats` steps, after one of the baseline on a small cube; run it in a process of its own.

    NOTHING: that small step alone, for what any such process holds.
    """
    register_baseline()
    training("baseline", SMALL)()
    if what == NOTHING:
        return StepCost(what, shape, 0.0, 0.0, peak_of_this_process())
    step = fitting(shape) if what == FITTING else training(what, shape)
    taken = [_timed(step) for _ in range(repeats)]
    cpu, wall = (statistics.median(values) for values in zip(*taken, strict=True))
    return StepCost(what, shape, cpu, wall, peak_of_this_process())


def training(name: str, shape: Shape) -> Callable[[], None]:
    """A function that makes one step of METHODS[name] with the sizes that its paper has."""
    settings = as_published(settings_of(name, 100, ROOT, None), shape)
    state = new_state(build_network(settings.model, settings.network, settings.seed), settings.optimiser)
    group = Group(tuple(View(image, image, torch.ones_like(image), None, None) for image in waves(shape)), 1.0)
    return lambda: train_step(settings, state, 0, [(0, group)], Processes()) and None


def as_published(settings: RunSettings, shape: Shape) -> RunSettings:
    """DDR-Net with four tiles and all squarings, NePhi with the encoder and the points that the images ask for."""
    network, losses = settings.network, settings.losses
    if settings.model == "ddrnet":
        network = {"phase": network["phase"], "overlap": 0}
    if settings.model == "nephi":
        network = {**network, "shape": list(shape)}
        losses = tuple(dataclasses.replace(loss, points=0) for loss in losses)  # a share of the voxels
    return dataclasses.replace(settings, network=network, losses=losses)


def fitting(shape: Shape) -> Callable[[], None]:
    """A function that fits codes and maps of NePhi to two images, with as many points as its authors took."""
    moving, fixed = (View(image, image, torch.ones_like(image), None, None) for image in waves(shape))
    device, voxels = torch.device("cpu"), shape[0] * shape[1] * shape[2]
    likeness = Likeness.of(pair_of(moving, fixed, 1.0), device)
    points, gradient_points = min(100_000, round(0.02 * voxels)), min(500, max(10, round(1e-4 * voxels)))
    settings = FitSettings(steps=1, points=points, gradient_points=gradient_points)
    maps = new_maps(shape, device)
    return lambda: fitted(maps, likeness, settings, lambda _fraction, _text: None) and None


def waves(shape: Shape) -> tuple[Tensor, Tensor]:
    """Two shifted wave patterns (1, 1, I, J, K), 0..1: what a step costs does not depend on what is in the images."""
    x, y, z = torch.meshgrid(*[torch.arange(n, dtype=torch.float32) for n in shape], indexing="ij")
    found = (0.5 + 0.5 * torch.sin(0.3 * (x + s) + 0.2 * y) * torch.cos(0.25 * z + 0.2 * s) for s in (0.0, 1.0))
    return tuple(image[None, None] for image in found)


def _timed(step: Callable[[], None]) -> tuple[float, float]:
    cpu, wall = time.process_time(), time.perf_counter()
    step()
    return time.process_time() - cpu, time.perf_counter() - wall


def peak_of_this_process() -> float:
    """MiB."""
    return peak_of(os.getpid())
