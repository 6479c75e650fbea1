"""The standard streams of a process whose starter has closed some of them."""

import os
import sys


def open_closed_stderr() -> None:
    """Where stderr is closed, what is said there goes nowhere.

    Libraries write to it without asking; and the next file opened would take its place, and their words.
    """
    if sys.stderr is not None:
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.fstat(2)
    except OSError:
        os.dup2(nowhere, 2)
    sys.stderr = open(nowhere, "w", encoding="utf-8", errors="backslashreplace")  # noqa: SIM115 - as long as the process
