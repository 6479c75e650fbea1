"""`sitreg` at a terminal. Exit codes: 0 all is complete, 1 it failed, 2 what was given cannot be used,
130, 143 and 129 stopped by Ctrl-C, SIGTERM and a closed terminal; whatever is not 0 leaves nothing half-written.
"""

import argparse
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import NoReturn

from .arguments import build_parser, job_from
from .console import Bar, say, stage_line, table
from .contract import Job, Result
from .failures import exit_code, explain
from .process import prepare_process
from .progress import Reporter

_GRACE = 5.0  # s that a job gets to stop and clean up by itself


class _Stopped(BaseException):
    """A signal asked to stop."""

    def __init__(self, number: int):
        self.number = number


def main(arguments: list[str] | None = None) -> int:
    """Run one command. Returns the exit code."""
    prepare_process()
    given = build_parser().parse_args(arguments)
    commands = {
        "register": _register,
        "verify": _verify,
        "models": _models,
        "train": _train,
        "export": _export,
        "import-checkpoint": _import_checkpoint,
    }
    try:
        return commands[given.command](given)
    except Exception as error:
        return _report(error)


def _report(error: Exception) -> int:
    """One line on stderr; below it the traceback when the fault is the program's."""
    told = explain(error)
    sys.stderr.write(f"sitreg: {told.message}\n")
    if not told.expected:
        sys.stderr.write(told.detail)
    return exit_code(error)


def _register(given: argparse.Namespace) -> int:
    bar = Bar()
    try:
        result = _run(job_from(given), bar)
    finally:
        bar.close()
    notes = "".join(f"Note: {warning}\n" for warning in result.warnings)
    say(sys.stderr, f"{stage_line(result)}\n{notes}")
    say(sys.stdout, f"{table(result.measures)}\nResults: {result.folder}\n")
    return 0


def _run(job: Job, bar: Bar) -> Result:
    """The job in a thread of its own, so that this one can react to signals at every moment."""
    stop = threading.Event()
    with ThreadPoolExecutor(1) as pool, _signals_raised():
        future = pool.submit(_import_and_register, job, Reporter(bar, stop.is_set))
        try:
            return future.result()
        except _Stopped as stopped:
            bar.close()
            stop.set()
            _leave(job, future, 128 + stopped.number)


def _import_and_register(job: Job, reporter: Reporter) -> Result:
    from .register import register

    return register(job, reporter)


@contextlib.contextmanager
def _signals_raised() -> Iterator[None]:
    """SIGINT, SIGTERM and a closed terminal raise _Stopped, once: the clean-up shall not be interrupted."""
    names = [signal.SIGINT, signal.SIGTERM]
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # ignored: after nohup
        names.append(signal.SIGHUP)

    def stop(number: int, _frame) -> NoReturn:
        for name in names:
            signal.signal(name, signal.SIG_IGN)
        raise _Stopped(number)

    before = [signal.signal(name, stop) for name in names]
    try:
        yield
    finally:
        for name, handler in zip(names, before, strict=True):
            signal.signal(name, handler)


def _leave(job: Job, future: Future, code: int) -> NoReturn:
    """End the process without waiting for a computation that does not listen."""
    wait([future], timeout=_GRACE)
    if not future.done():
        from .outputs import remove_leftovers

        remove_leftovers(job.output)
    complete = future.done() and future.exception() is None
    left = f"the results were complete: {job.output}" if complete else "nothing was written"
    say(sys.stderr, f"sitreg: stopped; {left}.\n")
    os._exit(code)


def _verify(given: argparse.Namespace) -> int:
    from .models.sitreg.verify import verify

    result = verify(given.checkpoint, given.pair, given.groups, given.tolerance, given.update_groups)
    sys.stdout.write(
        f"{result.architecture}\n"
        f"largest difference of f12: {result.difference_12:.3g} voxels, of f21: {result.difference_21:.3g} voxels, "
        f"tolerance {result.tolerance:g}: {'passed' if result.passed else 'FAILED'}\n"
    )
    return 0 if result.passed else 1


def _models(_given: argparse.Namespace) -> int:
    from .errors import EngineError
    from .models import MODELS, load_model, shelved

    for name, kind in MODELS.items():
        try:
            weights = load_model(name).info.weights or "none, the pair alone is optimised"
        except EngineError:
            weights = "none installed; give a weights file"
        sys.stdout.write(f"{name}: {kind.title}; weights: {weights}\n")
    for card in shelved():
        kind = " ".join(dict.fromkeys((card.modality, card.contrast)))
        size = "voxels in proportion" if card.any_size else f"{card.spacing:g} mm"
        about = ", ".join(dict.fromkeys((card.anatomy, kind, size)))  # "any" is said once
        sys.stdout.write(f"{card.id}: {card.title} ({about}); weights: {card.licence}\n  {card.limits}\n")
    return 0


def _train(given: argparse.Namespace) -> int:
    from .training.command import run_training

    return run_training(given.config, given.resume, given.minutes, lambda line: say(sys.stderr, line + "\n"))


def _export(given: argparse.Namespace) -> int:
    from .training.export import export_run

    card = export_run(Path(given.run), Path(given.output), Path(given.card) if given.card else None)
    sys.stdout.write(f"{card.id}: {card.title}, in {given.output}\n")
    return 0


def _import_checkpoint(given: argparse.Namespace) -> int:
    from .models.placing import place
    from .models.sitreg.importing import import_checkpoint

    folder = Path(given.output)
    network, card = import_checkpoint(
        Path(given.checkpoint), given.config, folder.name, given.groups, given.update_groups
    )
    place(network, card, folder)
    sys.stdout.write(f"{card.id}: {network.config.describe()}, in {folder}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
