"""How a process of the engine begins, before torch is imported and before it has threads."""

import os
import sys

from .allocator import keep_freed_memory, use_large_pages
from .threads import wait_without_spinning


def prepare_process() -> None:
    """Idle threads sleep, freed memory is kept in large pages, and there is a stderr."""
    _open_closed_stderr()
    wait_without_spinning()
    use_large_pages()
    keep_freed_memory()


def _open_closed_stderr() -> None:
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
