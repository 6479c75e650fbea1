"""`sitreg train` and torchrun: one run from its file, ended in good order by time, Ctrl-C or SIGTERM."""

import contextlib
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

from sitreg_engine.errors import InputError

from .config_file import read_settings
from .loop import train
from .processes import leave_processes
from .state import LAST


def run_training(config: str, resume: str | None, minutes: float, tell: Callable[[str], None]) -> int:
    """Returns the exit code: 0, or 128 + the signal that ended it; a checkpoint is written in every case.

    resume: None = a new run, "" = its last checkpoint where there is one, else a file. Raises InputError.
    """
    is_first = int(os.environ.get("RANK", "0")) == 0  # of the processes that torchrun has started
    tell = tell if is_first else _silent
    settings = read_settings(Path(config))
    last = Path(settings.run) / LAST
    if resume is None and last.exists():
        raise InputError(f"{settings.run} holds a run already: go on with --resume, or set another folder as run.")
    if is_first:
        Path(settings.run).mkdir(parents=True, exist_ok=True)
        shutil.copyfile(config, Path(settings.run) / "settings.toml")
    start = Path(resume) if resume else last if resume == "" and last.exists() else None
    try:
        with _signals_noted() as received:
            reached = train(settings, start, minutes, tell, lambda: bool(received))
    finally:
        leave_processes()
    done = reached.step >= settings.steps
    tell(f"{'Finished' if done else 'Stopped'} at step {reached.step} of {settings.steps}; checkpoint: {last}")
    return 128 + received[0] if received and not done else 0


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
