"""What the C library does with memory that was freed. glibc has these switches; elsewhere nothing is done.

By default glibc returns large blocks to the system at once, and every new one is then handed over page by page, each
filled with zeros: refining a head at 1.4 mm met 3.6 million such pages, 11 of its 67 seconds of processor time.
"""

import contextlib
import ctypes
import os
import sys
from collections.abc import Iterator
from threading import Event

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_MAX, _ARENA_MAX = -1, -3, -4, -8  # numbers of malloc.h
_NEVER, _AS_ALWAYS = 2**31 - 1, 2**16  # blocks that are mapped from the system: as many as glibc allows by itself
_LARGE = 2**25  # bytes of a block that is mapped then: glibc's own limit, which it comes to after a while

# Of mallinfo2: fordblks is what is free between the blocks in use and above them.
_USAGE = ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost")

_kept = Event()  # set once this process keeps what is freed: a switch of the C library cannot be read


def keep_freed_memory() -> bool:
    """Keep what is freed, for the next large tensor. Returns whether this C library can; to be called before threads.

    All threads share one heap: only that of the main thread can grow as large as tensors do.
    """
    library = _glibc()
    if library is None:
        return False
    _kept.set()
    settings = ((_ARENA_MAX, 1), (_MMAP_THRESHOLD, _LARGE), (_MMAP_MAX, 0), (_TRIM_THRESHOLD, _NEVER))
    return sum(library.mallopt(name, value) for name, value in settings) == len(settings)


def use_large_pages() -> None:
    """Let torch ask Linux for pages of 2 MiB, unless the user has decided otherwise; to be called before its import.

    A new tensor is handed over page by page: a forward pass at 160x192x224 met 2.8 million pages of 4 KiB, and meets
    80 thousand like this: 3.5 of its 31 CPU seconds less.
    """
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")  # read by torch's allocator


@contextlib.contextmanager
def large_blocks_returned() -> Iterator[None]:
    """Meanwhile, large blocks go back at once again: tensors of many sizes leave gaps that none of the next fits into.

    A published network on a head at 1 mm held 6.7 GiB with all of it kept, and 4.1 GiB like this.
    """
    library = _glibc() if _kept.is_set() else None
    if library is None:
        yield
        return
    library.mallopt(_MMAP_MAX, _AS_ALWAYS)
    try:
        yield
    finally:
        library.mallopt(_MMAP_MAX, 0)


class _Usage(ctypes.Structure):
    """mallinfo2 of malloc.h."""

    _fields_ = tuple((name, ctypes.c_size_t) for name in _USAGE)


def kept_memory() -> float:
    """Bytes that were freed and are kept: they count as used in the eyes of the system, and the next tensors take them.

    0 where nothing is kept, or nobody tells (glibc before 2.33).
    """
    library = _glibc() if _kept.is_set() else None
    if library is None or not hasattr(library, "mallinfo2"):
        return 0.0
    library.mallinfo2.restype = _Usage
    return float(library.mallinfo2().fordblks)


def give_back_freed_memory() -> None:
    """Return to the system what is kept: a process that waits for its next job shall not hold it."""
    library = _glibc()
    if library is not None:
        library.malloc_trim(0)


def _glibc() -> ctypes.CDLL | None:
    if not sys.platform.startswith("linux"):
        return None
    library = ctypes.CDLL(None)
    return library if hasattr(library, "mallopt") and hasattr(library, "malloc_trim") else None  # musl has neither
