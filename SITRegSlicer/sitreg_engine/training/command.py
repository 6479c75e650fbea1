"""`sitreg train` and torchrun: one run from its file, ended in good order by time, Ctrl-C or SIGTERM."""

import contextlib
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

from sitreg_engine.errors import Cancelled, InputError

from .config_file import read_settings
from .loop import train
from .processes import leave_processes
from .state import LAST


def run_training(config: str, resume: str | None, minutes: float, tell: Callable[[str], None]) -> int:
    """Returns the exit code: 0, or 128 + the signal that ended it; a checkpoint is written once there were steps.

    resume: None = a new run, "" = its last checkpoint where there is one, else a file, or a run's folder (its last
    checkpoint). Raises InputError.
    """
    is_first = int(os.environ.get("RANK", "0")) == 0  # of the processes that torchrun has started
    tell = tell if is_first else _silent
    settings = read_settings(Path(config))
    last = Path(settings.run) / LAST
    if resume is None and last.exists():
        raise InputError(f"{settings.run} holds a run already: go on with --resume, or set another folder as run.")
    start = _last_of(Path(resume)) if resume else last if resume == "" and last.exists() else None

    def keep_settings() -> None:
        if is_first:
            _keep_settings(Path(config), Path(settings.run) / "settings.toml")

    with _signals_noted() as received:
        try:
            reached = train(settings, start, minutes, tell, lambda: bool(received), keep_settings)
        except Cancelled as cancelled:
            tell(str(cancelled))
            return 128 + received[0] if received else 0
        finally:
            leave_processes()
    done = reached.step >= settings.steps
    tell(f"{'Finished' if done else 'Stopped'} at step {reached.step} of {settings.steps}; checkpoint: {last}")
    return 128 + received[0] if received and not done else 0


def _last_of(given: Path) -> Path:
    """The checkpoint to go on from: a run's folder stands for where it has come to, not for the best on the way."""
    return given / LAST if given.is_dir() else given


def _keep_settings(config: Path, kept: Path) -> None:
    """Beside what is made with them; they may be those of an earlier start."""
    if not (kept.exists() and kept.samefile(config)):
        shutil.copyfile(config, kept)


def _silent(_line: str) -> None:
    """The first process speaks for all."""


@contextlib.contextmanager
def _signals_noted() -> Iterator[list[int]]:
    """SIGINT and SIGTERM are noted in the list, for the loop to see after the step it is in."""
    received: list[int] = []
    names = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(name, lambda number, _frame: received.append(int(number))) for name in names]
    try:
        yield received
    finally:
        for name, handler in zip(names, before, strict=True):
            signal.signal(name, handler)
