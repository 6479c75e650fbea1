"""Many small pieces of work on all the cores that torch may use.

Some of torch's operations use one core however large their tensors are, and a chain of operations on a whole volume
waits for the memory at every step. Cut into tiles that stay in the caches, and several tiles at a time, the same
operations keep all cores busy: torch leaves Python's lock while it computes.
"""

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from functools import lru_cache
from typing import TypeVar

import torch

Item = TypeVar("Item")
Found = TypeVar("Found")

CPU = torch.device("cpu")
_here = threading.local()  # .worker is set in the threads of the pool


def in_parallel(work: Callable[[Item], Found], items: Iterable[Item], device: torch.device = CPU) -> list[Found]:
    """[work(item) for item in items], on as many threads as torch uses; without gradients.

    Each piece runs on one core. Called from within such a piece, it goes on in that thread. `device`: what the pieces
    compute on; on a GPU they follow each other, where threads gain nothing and would each keep memory of their own.
    Raises what the first failing piece does, when no other is at work any more.
    """
    items = list(items)
    count = torch.get_num_threads()
    inference = torch.is_inference_mode_enabled()

    def one(item: Item) -> Found:
        # torch keeps both modes per thread.
        with torch.inference_mode(inference), torch.no_grad():
            return work(item)

    if device.type != "cpu" or count == 1 or len(items) < 2 or getattr(_here, "worker", False):
        return [one(item) for item in items]
    futures = [_pool(count).submit(one, item) for item in items]
    try:
        return [future.result() for future in futures]
    finally:  # where one has failed, the others must have ended before their files, or their memory, are cleared away
        for future in futures:
            future.cancel()
        wait(futures)


@lru_cache(maxsize=1)
def _pool(count: int) -> ThreadPoolExecutor:
    """Threads in which torch itself uses one core: a team of threads in each would be in the others' way."""
    pool, together = ThreadPoolExecutor(count, "tiles"), threading.Barrier(count)

    def prepare(_: int) -> None:
        _here.worker = True
        torch.get_num_threads()  # makes torch set this thread up, which would undo the next line later
        torch.set_num_threads(1)
        together.wait()

    list(pool.map(prepare, range(count)))
    torch.set_num_threads(count)  # for threads still to come: torch remembers the last number it was given
    return pool
