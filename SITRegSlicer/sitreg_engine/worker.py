"""The background process: jobs as JSON lines on stdin, progress and results as JSON lines on stdout (contract.py).

A thread reads commands at every moment, the main thread works off one job after the other. Torch and the models stay
loaded between jobs. The process leaves by itself when its stdin closes, whatever it is doing: whoever started it may
have been killed, and nobody else would free the memory. It leaves as tidily when it is asked to by SIGTERM.
"""

import contextlib
import gc
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from typing import BinaryIO

from . import __version__
from .allocator import give_back_freed_memory
from .channel import Channel, ProgressSender
from .contract import PROTOCOL, Failure, Job, Message, Ready
from .failures import explain
from .inbox import Inbox, Task
from .process import prepare_process
from .progress import Reporter

_GRACE = 1.2  # s that a running job gets to stop and clean up once stdin has closed; the promise is 2 s


def main() -> int:
    """Works until stdin closes (exit code 0). Returns 1 when the engine cannot be loaded."""
    # Ctrl-C in the terminal of the program that started this one is not meant for the worker.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    prepare_process()
    stdin, stdout = _claim_pipes()
    channel = Channel(stdout)
    inbox = Inbox(channel.send)
    _leave_when_told(inbox)
    threading.Thread(target=_listen, args=(inbox, stdin), daemon=True).start()
    try:
        register = _load(channel)
    except Exception as error:  # a damaged torch raises OSError, RuntimeError and others
        channel.send(Failure("", _not_loaded(error), traceback.format_exc()))
        return 1
    while True:
        answer = _answer(inbox.next(), register, channel)
        inbox.done()  # before the answer: whoever hears it may use the id again at once
        channel.send(answer)
        _free_memory()


def _claim_pipes() -> tuple[BinaryIO, BinaryIO]:
    """stdin and stdout for the contract alone: whatever a library prints goes to stderr, what it reads is empty.

    The original stdin must not stay in its place: on Windows, loading numpy hangs while a thread reads from it.
    """
    stdin, stdout = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    sys.stderr.reconfigure(encoding="utf-8", errors="backslashreplace")
    return stdin, stdout


def _listen(inbox: Inbox, stdin: BinaryIO) -> None:
    """The reading thread. In the end it ends the process: the main thread may be deep in a computation."""
    try:
        inbox.read(stdin)
    finally:
        _leave(inbox, 0)


def _leave_when_told(inbox: Inbox) -> None:
    """SIGTERM ends the process as the end of stdin does; to be called before there are other threads.

    A thread waits for it: a handler would run in the main thread, after the computation that it is deep in.
    """
    if not hasattr(signal, "sigwait"):  # Windows ends a process without asking it
        return
    wanted = {signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, wanted)  # here and in every thread to come, or one of them would die of it

    def wait() -> None:
        _leave(inbox, 128 + signal.sigwait(wanted))

    threading.Thread(target=wait, daemon=True).start()


def _leave(inbox: Inbox, code: int) -> None:
    """Stop what runs, and end the process."""
    try:
        _clean_up(inbox.stop_all(_GRACE))
    finally:
        os._exit(code)


def _clean_up(left: Job | None) -> None:
    """After a job that did not stop in time."""
    if left is not None:
        from .outputs import remove_leftovers

        remove_leftovers(left.output)


def _load(channel: Channel) -> Callable:
    """Import everything heavy, then tell that jobs are welcome."""
    import numpy as np
    import torch

    from .devices import available_devices
    from .models import model_ids
    from .register import register

    torch.from_numpy(np.zeros(1))  # older ones do not know newer numpys, and tell so only here
    channel.send(Ready(__version__, PROTOCOL, available_devices(), model_ids()))
    return register


def _not_loaded(error: Exception) -> str:
    advice = f"Install torch, numpy and SimpleITK for {sys.executable}."
    if not isinstance(error, ImportError):
        advice = f"A package of {sys.executable} is damaged or does not fit: reinstall torch (PyTorch extension)."
    return f"The engine could not be loaded ({error}). {advice}"


def _answer(task: Task, register: Callable, channel: Channel) -> Message:
    """The job's Result or Failure."""
    listener = ProgressSender(task.job.id, channel.send)
    try:
        return register(task.job, Reporter(listener, task.stop.is_set))
    except Exception as error:  # the worker outlives whatever a job does
        told = explain(error)
    return Failure(task.job.id, told.message, told.detail, told.cancelled)


def _free_memory() -> None:
    """Give back what a job held: whoever else uses this machine and its GPU has it, and so has the next job."""
    import torch

    gc.collect()
    give_back_freed_memory()
    if torch.cuda.is_available():
        with contextlib.suppress(RuntimeError):  # of a GPU that fails from now on
            torch.cuda.empty_cache()


if __name__ == "__main__":
    try:
        code = main()
    except BrokenPipeError:  # nobody listens any more
        code = 0
    # Not sys.exit: at the interpreter's end the reading thread would still hold stdin.
    sys.stderr.flush()
    os._exit(code)
