"""`sitreg` at a terminal. Exit codes: 0 all is complete, 1 it failed, 2 what was given cannot be used,
130 and 143 stopped by Ctrl-C and SIGTERM; whatever is not 0 leaves nothing half-written.
"""

import argparse
import os
import signal
import sys
import threading
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import NoReturn

from .arguments import build_parser, job_from
from .contract import Job, Result
from .failures import exit_code, explain
from .progress import Reporter

_GRACE = 5.0  # s that a job gets to stop and clean up by itself


class _Stopped(BaseException):
    """A signal asked to stop."""

    def __init__(self, number: int):
        self.number = number


def main(arguments: list[str] | None = None) -> int:
    """Run one command. Returns the exit code."""
    given = build_parser().parse_args(arguments)
    commands = {"register": _register, "verify": _verify}
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
    from .console import Bar, stage_line, table

    bar = Bar()
    try:
        result = _run(job_from(given), bar)
    finally:
        bar.close()
    sys.stderr.write(stage_line(result) + "\n")
    sys.stderr.writelines(f"Note: {warning}\n" for warning in result.warnings)
    sys.stdout.write(f"{table(result.measures)}\nResults: {result.folder}\n")
    return 0


def _run(job: Job, listener) -> Result:
    """The job in a thread of its own, so that this one can react to signals at every moment."""
    stop = threading.Event()
    pool = ThreadPoolExecutor(1)
    _raise_on_signals()
    try:
        future = pool.submit(_import_and_register, job, Reporter(listener, stop.is_set))
        return future.result()
    except _Stopped as stopped:
        listener.close()
        stop.set()
        _leave(job, future, 128 + stopped.number)


def _import_and_register(job: Job, reporter: Reporter) -> Result:
    from .register import register

    return register(job, reporter)


def _raise_on_signals() -> None:
    def stop(number, _frame):
        for name in (signal.SIGINT, signal.SIGTERM):  # the clean-up shall not be interrupted
            signal.signal(name, signal.SIG_IGN)
        raise _Stopped(number)

    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, stop)


def _leave(job: Job, future: Future, code: int) -> NoReturn:
    """End the process without waiting for a computation that does not listen."""
    wait([future], timeout=_GRACE)
    if not future.done():
        from .outputs import remove_leftovers

        remove_leftovers(job.output)
    sys.stderr.write("sitreg: stopped; nothing was written.\n")
    sys.stderr.flush()
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


if __name__ == "__main__":
    sys.exit(main())
