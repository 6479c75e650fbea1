"""What SimpleITK says when it fails: the telling line of its errors, and silence for the C libraries below it."""

import contextlib
import os
import threading
from collections.abc import Iterator

_one_at_a_time = threading.RLock()


@contextlib.contextmanager
def quiet_libraries() -> Iterator[None]:
    """C libraries below SimpleITK write warnings straight to stderr; the exception says all that a person needs.

    One thread at a time is inside: there is one stderr for all, and not every such library bears several threads.
    """
    with _one_at_a_time:
        kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nowhere, 2)
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            os.close(nowhere)


def reason(error: Exception) -> str:
    """The telling line of a SimpleITK error: the last of those marked as error, without file names and addresses."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    told = [line.split("ERROR:", 1)[1].strip() for line in lines if "ERROR:" in line]
    return (told or lines or ["no reason given"])[-1].rstrip(".")
