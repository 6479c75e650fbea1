"""The training itself: from a step's number to new weights, with everything on disk that going on needs."""

import dataclasses
import itertools
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import nn

from sitreg_engine.devices import choose_device
from sitreg_engine.errors import EngineError

from . import log
from .losses import check_losses, evaluate
from .networks import build_network, hand_over_gradients, in_precision, set_checkpointing, take_weights
from .pictures import save_picture
from .poses import Tell
from .processes import Processes, join_processes, local_device
from .sampler import Sampler, make_sampler, validation_groups
from .scored import Pairing, Scored
from .settings import OptimiserSettings, RunSettings
from .start import initialise
from .state import BEST, LAST, Reached, State, follow, load_state, new_state, save_state
from .validate import on_device, validate
from .views import Group

_MOST_BAD_STEPS = 50  # in a row, whose gradient is not finite, before the run gives up


@dataclass(frozen=True)
class Trainer:
    """All that stays the same during a run."""

    settings: RunSettings
    sampler: Sampler
    checks: Sequence[Group]  # validation pairs
    device: torch.device
    processes: Processes
    board: log.Board
    tell: Tell

    @property
    def folder(self) -> Path:
        return Path(self.settings.run)


def train(
    settings: RunSettings,
    resume: Path | None,
    minutes: float,
    tell: Tell,
    stop_requested: Callable[[], bool] = lambda: False,
) -> Reached:
    """Run, or go on from the checkpoint `resume`, until the last step, `minutes` (0 = any) or a request to stop.

    Raises InputError for settings, files and checkpoints that cannot be used.
    """
    check_losses(settings.losses, settings.group)
    device = choose_device(local_device(settings.device))
    processes = join_processes(device)
    processes.share(settings.optimiser.accumulate)
    network = build_network(settings.model, settings.network, settings.seed)
    initialise(network, settings.start)
    set_checkpointing(network, settings.optimiser.checkpointing)
    state = new_state(network.to(device), settings.optimiser)
    reached = Reached() if resume is None else load_state(state, resume)
    processes.copy_weights([*state.network.parameters(), *state.average.parameters()])
    Path(settings.run).mkdir(parents=True, exist_ok=True)
    sampler = make_sampler(settings, tell)
    trainer = Trainer(
        settings, sampler, validation_groups(settings), device, processes, log.Board(Path(settings.run)), tell
    )
    try:
        return _run(trainer, state, reached, _until(minutes, stop_requested))
    finally:
        trainer.board.close()


def _until(minutes: float, stop_requested: Callable[[], bool]) -> Callable[[], bool]:
    end = time.monotonic() + 60 * minutes if minutes > 0 else math.inf
    return lambda: stop_requested() or time.monotonic() > end


def _run(trainer: Trainer, state: State, reached: Reached, ends: Callable[[], bool]) -> Reached:
    settings, bad = trainer.settings, 0
    if trainer.processes.first:
        for name in ("log.csv", "validation.csv"):
            log.cut(trainer.folder / name, reached.step)
    while reached.step < settings.steps and not trainer.processes.any(ends()):
        values = train_step(trainer, state, reached.step)
        reached = replace(reached, step=reached.step + 1)
        bad = 0 if math.isfinite(values["gradient"]) else bad + 1
        if bad > _MOST_BAD_STEPS:
            raise EngineError(f"The gradient was not finite in {bad} steps in a row: lower the learning rate.")
        reached = _noted(trainer, state, reached, values)
        if 0 < settings.validation.patience <= reached.waited:
            trainer.tell(f"No better validation since step {reached.best_step}: ended.")
            break
    if trainer.processes.first:
        _save(trainer, state, reached, LAST)
    return reached


def train_step(trainer: Trainer, state: State, step: int) -> dict[str, float]:
    """Step number `step` (from 0): new weights. Returns each loss, the gradient's norm, the rate and the seconds."""
    begun, settings = time.perf_counter(), trainer.settings
    state.network.train()
    state.optimiser.zero_grad(set_to_none=True)
    if state.computing is not state.network:
        take_weights(state.computing, state.network)
    indices = trainer.processes.share(settings.optimiser.accumulate)
    found = [_gradients_of(trainer, state, step, index) for index in indices]
    values = _means(trainer.processes, found)
    trainer.processes.add_gradients(state.network)
    rate = learning_rate(settings.optimiser, step, settings.steps)
    norm = _update(state, settings.optimiser, rate, step)
    return {**values, "gradient": norm, "rate": rate, "seconds": time.perf_counter() - begun}


def _gradients_of(trainer: Trainer, state: State, step: int, index: int) -> dict[str, float]:
    """Add the gradients of one group of a step to the network's. Returns the losses."""
    settings = trainer.settings
    scored = score(state.computing, trainer.sampler.draw(step, index), trainer.device, (settings.seed, step, index))
    total, parts = evaluate(scored, settings.losses)
    (total / settings.optimiser.accumulate).backward()
    if state.computing is not state.network:
        hand_over_gradients(state.computing, state.network)
    return {"loss": float(total.detach()), **parts}


def score(network: nn.Module, group: Group, device: torch.device, seed: tuple[int, ...]) -> Scored:
    """Register all pairs of a group: 1 for a pair, 3 for a triplet."""
    views = tuple(on_device(view, device) for view in group.views)
    pairings = [
        Pairing(a, b, views[a], views[b], network(views[a].image, views[b].image))
        for a, b in itertools.combinations(range(len(views)), 2)
    ]
    return Scored(Group(views, group.spacing), pairings, seed)


def _means(processes: Processes, found: list[dict[str, float]]) -> dict[str, float]:
    names = list(found[0])
    means = [sum(values[name] for values in found) / len(found) for name in names]
    return dict(zip(names, processes.mean(means), strict=True))


def learning_rate(settings: OptimiserSettings, step: int, steps: int) -> float:
    """Grows during the warm-up, then stays or falls along a cosine to a hundredth."""
    growing = min((step + 1) / max(settings.warm_up, 1), 1.0)
    if settings.schedule == "constant":
        return settings.learning_rate * growing
    falling = 0.5 + 0.5 * math.cos(math.pi * min(step / max(steps, 1), 1.0))
    return settings.learning_rate * growing * (0.01 + 0.99 * falling)


def _update(state: State, settings: OptimiserSettings, rate: float, step: int) -> float:
    """One step of the optimiser, and of the average; none when the gradient is not finite. Returns its norm."""
    limit = settings.clip or math.inf
    norm = float(nn.utils.clip_grad_norm_(state.network.parameters(), limit))
    if math.isfinite(norm):
        for group in state.optimiser.param_groups:
            group["lr"] = rate
        state.optimiser.step()
        follow(state.average, state.network, settings.ema, step)
    return norm


def _noted(trainer: Trainer, state: State, reached: Reached, values: dict[str, float]) -> Reached:
    """Log, validate and save as the settings say."""
    settings = trainer.settings
    if not trainer.processes.first:
        return _told(trainer, reached)
    if reached.step % settings.log_every == 0 or reached.step == settings.steps:
        log.append(trainer.folder / "log.csv", reached.step, values)
        trainer.board.add("train", reached.step, values)
    if trainer.checks and reached.step % settings.validation.every == 0:
        reached = _validated(trainer, state, reached)
    if reached.step % settings.save_every == 0:
        _save(trainer, state, reached, LAST)
    return _told(trainer, reached)


def _told(trainer: Trainer, reached: Reached) -> Reached:
    """All processes know how long the first one has waited for a better validation: they end together."""
    if trainer.settings.validation.patience == 0:
        return reached
    waited = trainer.processes.mean([float(reached.waited) if trainer.processes.first else 0.0])[0]
    return replace(reached, waited=round(waited * trainer.processes.count))


def _validated(trainer: Trainer, state: State, reached: Reached) -> Reached:
    network = in_precision(state.average, getattr(torch, trainer.settings.optimiser.dtype))
    found = validate(network, trainer.checks, trainer.device)
    log.append(trainer.folder / "validation.csv", reached.step, dataclasses.asdict(found))
    trainer.board.add("validation", reached.step, dataclasses.asdict(found))
    trainer.tell(
        f"Step {reached.step}: Dice {found.dice:.4f} (before {found.dice_before:.4f}), "
        f"{found.folded:.0f} folds, inverse error {found.inverse_error:.4f} mm"
    )
    with torch.no_grad():
        pairing = score(network, trainer.checks[0], trainer.device, (0,)).pairings[0]
    save_picture(pairing, trainer.folder / "pictures" / f"step_{reached.step:07d}.png")
    if found.score > reached.best:
        reached = replace(reached, best=found.score, best_step=reached.step, waited=0)
        _save(trainer, state, reached, BEST)
        return reached
    return replace(reached, waited=reached.waited + 1)


def _save(trainer: Trainer, state: State, reached: Reached, name: str) -> None:
    save_state(state, reached, dataclasses.asdict(trainer.settings), trainer.folder / name)
