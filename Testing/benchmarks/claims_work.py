"""What the parts of the comparison do: train, judge, measure. Each returns a record that goes to a file of its own."""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from claims_costs import peak_of_this_process
from claims_judge import Judged, Maps, Register, judged, judged_pairs, pair_of
from claims_methods import METHODS, SPACING, settings_of
from claims_networks import register_baseline
from torch import nn

from sitreg_engine.effort import Effort
from sitreg_engine.models.nephi.model import NePhiModel
from sitreg_engine.models.protocol import ModelInfo
from sitreg_engine.training.loop import LOG, train
from sitreg_engine.training.networks import build_network
from sitreg_engine.training.state import LAST, read_checkpoint
from sitreg_engine.training.views import View


@dataclass(frozen=True)
class Place:
    """Where a comparison's trainings and results are, and how much is done."""

    folder: Path  # of this number of steps
    steps: int  # of every training
    fitting_steps: int  # of NePhi's instance optimisation
    pairs: int  # that are judged

    def run(self, method: str) -> Path:
        return self.folder / "runs" / method


@dataclass(frozen=True)
class Trained:
    """One finished training."""

    method: str
    steps: int
    seconds_per_step: float  # wall, mean, drawing of the pair included
    first_loss: float  # means of the first and the last tenth of the steps
    last_loss: float
    parameters: int  # all that the network has
    peak_mib: float

    @classmethod
    def read(cls, found: dict) -> "Trained":
        return cls(**found)


def trained(place: Place, method: str) -> Trained:
    """Trains, or goes on with a training that was stopped. Raises FileNotFoundError when one before it is missing."""
    register_baseline()
    after = METHODS[method].after
    start = existing(place.run(after) / LAST) if after else None
    settings = settings_of(method, place.steps, place.run(method), start)
    last = place.run(method) / LAST
    train(settings, last if last.exists() else None, 0.0, lambda _line: None)
    with open(place.run(method) / LOG, newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    losses, tenth = [float(line["loss"]) for line in lines], max(len(lines) // 10, 1)
    return Trained(
        method,
        place.steps,
        float(np.mean([float(line["seconds"]) for line in lines])),
        float(np.mean(losses[:tenth])),
        float(np.mean(losses[-tenth:])),
        sum(p.numel() for p in build_network(settings.model, settings.network, settings.seed).parameters()),
        peak_of_this_process(),
    )


def existing(path: Path) -> Path:
    """The path. Raises FileNotFoundError when nothing is there."""
    if not path.exists():
        raise FileNotFoundError(f"{path} is needed first: run the part that trains {path.parent.name}.")
    return path


def trained_network(place: Place, method: str) -> nn.Module:
    """With the averaged weights of its last step, ready for inference."""
    register_baseline()
    settings = settings_of(method, place.steps, place.run(method), None)
    network = build_network(settings.model, settings.network, settings.seed)
    network.load_state_dict(read_checkpoint(existing(place.run(method) / LAST))["average"])
    return network.eval().requires_grad_(False)


def predicting(network: nn.Module) -> Register:
    """The network's maps as they are."""

    @torch.inference_mode()
    def register(moving: View, fixed: View) -> Maps:
        found = network(moving.image, fixed.image)
        return found.f12, found.f21

    return register


def fitting(network: nn.Module, steps: int) -> Register:
    """NePhi's instance optimisation from the network's prediction."""
    model = NePhiModel(ModelInfo("nephi", "NePhi", "", ""), network)

    def register(moving: View, fixed: View) -> Maps:
        pair, device = pair_of(moving, fixed, SPACING), torch.device("cpu")
        maps = model.optimise(pair, None, Effort(steps), device, lambda _fraction, _text: None)
        return maps.forward(), maps.inverse()

    return register


def judged_prediction(place: Place, method: str) -> Judged:
    """Of the trained network alone."""
    return judged(method, predicting(trained_network(place, method)), judged_pairs(place.pairs))


def judged_as_published(place: Place, method: str) -> Judged:
    """S-Net without our scaling to a contraction, which its paper does not have: that of training mode."""
    network = trained_network(place, method).train()
    return judged(f"{method}_as_published", predicting(network), judged_pairs(place.pairs))


def judged_fitting(place: Place, method: str) -> Judged:
    """After instance optimisation."""
    register = fitting(trained_network(place, method), place.fitting_steps)
    return judged(f"{method}_fitted", register, judged_pairs(place.pairs))
