"""The training itself: from a step's number to new weights, with everything on disk that going on needs."""

import dataclasses
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from sitreg_engine.devices import choose_device
from sitreg_engine.errors import Cancelled, EngineError, InputError

from . import log
from .ahead import Ahead
from .lessons import with_lessons
from .looks import note_looks
from .losses import check_losses
from .networks import build_network, in_precision, set_checkpointing
from .pictures import save_picture
from .poses import Tell
from .processes import Processes, join_processes, local_device
from .sampler import Sampler, make_sampler, validation_groups
from .settings import RunSettings
from .start import initialise
from .state import BEST, LAST, Reached, State, load_state, new_state, save_state
from .step import score, train_step
from .validate import validate
from .views import Group

LOG, VALIDATION = "log.csv", "validation.csv"
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
    accepted: Callable[[], None] = lambda: None,
) -> Reached:
    """Run, or go on from the checkpoint `resume`, until the last step, `minutes` (0 = any) or a request to stop.

    `accepted` is called when the run's folder may be written to: the checkpoint fits the settings.

    Raises InputError for settings, files and checkpoints that cannot be used, Cancelled when it is to stop before the
    first step (what has been prepared by then is in the cache).
    """
    ends = _until(minutes, stop_requested)
    check_losses(settings.losses, settings.group)
    device = choose_device(local_device(settings.device))
    processes = join_processes(device)
    processes.share(settings.optimiser.accumulate)
    network = build_network(settings.model, settings.network, settings.seed)
    if resume is None:
        initialise(network, settings.start)
    set_checkpointing(network, settings.optimiser.checkpointing)
    state = new_state(network.to(device), settings.optimiser)
    reached = Reached() if resume is None else load_state(state, resume)
    processes.copy_weights([*state.network.parameters(), *state.average.parameters()])
    Path(settings.run).mkdir(parents=True, exist_ok=True)
    accepted()
    # The first process prepares what is not yet in the cache; the others find it there.
    sampler, checks = processes.one_by_one(lambda: _prepared(settings, ends, tell))
    if processes.first:
        note_looks(sampler, Path(settings.run))
    board = log.Board(Path(settings.run))
    trainer = Trainer(settings, sampler, checks, device, processes, board, tell)
    try:
        return _run(trainer, state, reached, ends)
    finally:
        board.close()


def _until(minutes: float, stop_requested: Callable[[], bool]) -> Callable[[], bool]:
    end = time.monotonic() + 60 * minutes if minutes > 0 else math.inf
    return lambda: stop_requested() or time.monotonic() > end


def _unless(ends: Callable[[], bool], tell: Tell) -> Tell:
    """Tells what is begun next, unless it is to stop."""

    def told(line: str) -> None:
        if ends():
            raise Cancelled("Stopped while the training was being prepared; what is done is kept in the cache.")
        tell(line)

    return told


def _prepared(settings: RunSettings, ends: Callable[[], bool], tell: Tell) -> tuple[Sampler, list[Group]]:
    """What is trained with, and the validation pairs. Raises InputError; Cancelled when it ends before it is done."""
    until_then = _unless(ends, tell)
    sampler = replace(make_sampler(settings, until_then), tell=tell)
    checks = validation_groups(settings, until_then)
    if checks or not settings.validation.every:
        return sampler, checks
    why = f"a pair needs two validation persons, and {settings.data.table} has fewer: set its column split"
    if settings.validation.patience:
        raise InputError(f"A run that ends by its validations (validation.patience) needs some; {why}.")
    tell(f"No validation: {why}.")
    return sampler, checks


def _run(trainer: Trainer, state: State, reached: Reached, ends: Callable[[], bool]) -> Reached:
    settings = trainer.settings
    share = trainer.processes.share(settings.optimiser.accumulate)
    if trainer.processes.first:
        for name in (LOG, VALIDATION):
            log.cut(trainer.folder / name, reached.step)
    with Ahead(with_lessons(settings, trainer.sampler), share, settings.data.workers, settings.steps) as ahead:
        reached = _steps(trainer, state, reached, ahead, ends)
    if trainer.processes.first:
        _save(trainer, state, reached, LAST)
    return reached


def _steps(trainer: Trainer, state: State, reached: Reached, ahead: Ahead, ends: Callable[[], bool]) -> Reached:
    settings, bad = trainer.settings, 0
    while reached.step < settings.steps and not trainer.processes.any(ends()):
        begun = time.perf_counter()
        values = train_step(settings, state, reached.step, ahead.take(reached.step), trainer.processes)
        bad = 0 if math.isfinite(values["gradient"]) else bad + 1
        if bad > _MOST_BAD_STEPS:
            raise EngineError(f"The gradient was not finite in {bad} steps in a row: lower the learning rate.")
        reached = replace(reached, step=reached.step + 1)
        if reached.step % settings.save_every == 0:
            trainer.processes.check_same(state.network.parameters())
        reached = _noted(trainer, state, reached, {**values, "seconds": time.perf_counter() - begun})
        if 0 < settings.validation.patience <= reached.waited:
            trainer.tell(f"No better validation since step {reached.best_step}: ended.")
            break
    return reached


def _noted(trainer: Trainer, state: State, reached: Reached, values: dict[str, float]) -> Reached:
    """Log, validate and save as the settings say."""
    settings = trainer.settings
    if not trainer.processes.first:
        return _told(trainer, reached)
    if reached.step % settings.log_every == 0 or reached.step == settings.steps:
        log.append(trainer.folder / LOG, reached.step, values)
        trainer.board.add("train", reached.step, values)
    every = settings.validation.every
    if trainer.checks and every and (reached.step % every == 0 or reached.step == settings.steps):
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
    log.append(trainer.folder / VALIDATION, reached.step, dataclasses.asdict(found))
    trainer.board.add("validation", reached.step, dataclasses.asdict(found))
    trainer.tell(
        f"Step {reached.step}: Dice {found.dice:.4f} (before {found.dice_before:.4f}), "
        f"{found.folded:.0f} folds, inverse error {found.inverse_error:.4f} mm"
    )
    with torch.no_grad():
        pairing = score(network, trainer.checks[0], trainer.device).pairings[0]
    save_picture(pairing, trainer.folder / "pictures" / f"step_{reached.step:07d}.png")
    if found.score > reached.best:
        reached = replace(reached, best=found.score, best_step=reached.step, waited=0)
        _save(trainer, state, reached, BEST)
        return reached
    return replace(reached, waited=reached.waited + 1)


def _save(trainer: Trainer, state: State, reached: Reached, name: str) -> None:
    save_state(state, reached, dataclasses.asdict(trainer.settings), trainer.folder / name)
