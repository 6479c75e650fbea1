"""All that changes during a training, and its checkpoints: from any of them the run goes on bit by bit."""

import copy
import dataclasses
import pickle
import zipfile
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from sitreg_engine.errors import InputError
from sitreg_engine.whole import written_whole

from .networks import in_precision
from .settings import OptimiserSettings

LAST, BEST = "last.pt", "best.pt"
_OPTIMISERS = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}


@dataclass(frozen=True)
class Reached:
    """How far the run has come."""

    step: int = 0  # steps done
    best: float = float("-inf")  # the best validation's score, higher is better
    best_step: int = 0
    waited: int = 0  # validations since the best one


@dataclass(frozen=True)
class State:
    network: nn.Module
    average: nn.Module  # exponential moving average of the weights: what is validated and exported
    optimiser: torch.optim.Optimizer
    computing: nn.Module  # what runs forward and backward: the network, or its copy in another precision


def new_state(network: nn.Module, settings: OptimiserSettings) -> State:
    """Nothing done yet."""
    optimiser = _OPTIMISERS[settings.name](
        _parts(network, settings.shares), lr=settings.learning_rate, weight_decay=settings.weight_decay
    )
    computing = in_precision(network, getattr(torch, settings.dtype))
    return State(network, copy.deepcopy(network).requires_grad_(False), optimiser, computing)


def _parts(network: nn.Module, shares: dict[str, float]) -> list[dict]:
    """For the optimiser: the parts of the network with their shares of the rate. Raises InputError for unknown ones."""
    parts = dict(network.named_children())
    if unknown := set(shares) - set(parts):
        raise InputError(f"optimiser.shares are of {', '.join(parts)}; got {', '.join(sorted(unknown))}.")
    if wrong := [share for share in shares.values() if type(share) not in (int, float) or not 0 < share <= 1]:
        raise InputError(f"optimiser.shares must be numbers above 0 and up to 1, got {wrong[0]!r}.")
    apart = [{"params": list(parts[name].parameters()), "share": float(share)} for name, share in shares.items()]
    taken = {id(parameter) for group in apart for parameter in group["params"]}
    return [{"params": [p for p in network.parameters() if id(p) not in taken], "share": 1.0}, *apart]


@torch.no_grad()
def follow(average: nn.Module, network: nn.Module, kept: float, step: int) -> None:
    """Move the average towards the weights. In the first steps it follows faster: there is nothing to keep yet."""
    kept = min(kept, (1 + step) / (10 + step))
    for old, new in zip(average.parameters(), network.parameters(), strict=True):
        old.lerp_(new, 1 - kept)


def save_state(state: State, reached: Reached, settings: dict, path: Path) -> None:
    """Write a checkpoint, whole or not at all. `settings`: of the whole run, as plain tables."""
    content = {
        "network": state.network.state_dict(),
        "average": state.average.state_dict(),
        "optimiser": state.optimiser.state_dict(),
        "reached": dataclasses.asdict(reached),
        "settings": settings,
    }
    with written_whole(path) as temporary, open(temporary, "wb") as file:  # torch does not name a full disk by itself
        torch.save(content, file)


def load_state(state: State, path: Path) -> Reached:
    """Bring a state to where a checkpoint left it. Raises InputError for files that do not fit."""
    content = read_checkpoint(path)
    try:
        state.network.load_state_dict(content["network"])
        state.average.load_state_dict(content["average"])
        state.optimiser.load_state_dict(content["optimiser"])
        return Reached(**content["reached"])
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        told = str(error).splitlines()[0]
        raise InputError(f"The run cannot go on from {path}, it is of another network or optimiser: {told}") from error


def read_checkpoint(path: Path) -> dict:
    """The tables of a checkpoint of ours. Raises InputError."""
    path = Path(path)
    if path.is_dir():
        path = path / BEST if (path / BEST).is_file() else path / LAST
    if not path.is_file():
        raise InputError(f"A checkpoint of a training was expected at {path}, but there is none; check the path.")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, zipfile.BadZipFile, RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        raise InputError(f"The checkpoint {path} could not be read; it may be damaged or of another kind.") from error
    if not isinstance(content, dict) or "average" not in content or "settings" not in content:
        raise InputError(f"{path} is no checkpoint of a training: it lacks the averaged weights or the settings.")
    return content
