"""Groups of the next steps, drawn by threads while the network works on the present one."""

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Self

from .lessons import Lessons
from .sampler import Sampler
from .views import Group


class Ahead:
    """The groups of this process, step by step; a context manager.

    >>> with Ahead(sampler, range(1), workers=2, steps=100) as ahead:
    ...     groups = ahead.take(0)  # those of step 0; steps 1 and 2 are being drawn now
    """

    def __init__(self, sampler: Sampler | Lessons, share: range, workers: int, steps: int):
        self._sampler, self._share, self._workers, self._steps = sampler, share, workers, steps
        self._pool = ThreadPoolExecutor(workers, "draw") if workers else None
        self._waiting: dict[tuple[int, int], Future[Group]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_) -> None:
        if self._pool:
            self._pool.shutdown(cancel_futures=True)

    def take(self, step: int) -> list[tuple[int, Group]]:
        """The groups of a step with their numbers in it; begins with those of the next ones."""
        if self._pool is None:
            return [(index, self._sampler.draw(step, index)) for index in self._share]
        per_step = max(len(self._share), 1)
        last = min(step + -(-self._workers // per_step), self._steps - 1)
        for later in range(step, last + 1):
            for index in self._share:
                if (later, index) not in self._waiting:
                    self._waiting[later, index] = self._pool.submit(self._sampler.draw, later, index)
        return [(index, self._waiting.pop((step, index)).result()) for index in self._share]
