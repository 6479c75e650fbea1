"""What to do when a GPU's memory does not suffice: a coarser working grid, in the end the CPU; never in silence."""

import gc
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

import torch

Found = TypeVar("Found")
_COARSER = 2 ** (1 / 3)  # half the voxels
_MOST_COARSER = 2  # times; beyond that the CPU at full resolution serves the user better
_WORDS = (
    *("CUDA error: out of memory", "CUDA driver error: out of memory"),
    *("CUBLAS_STATUS_ALLOC_FAILED", "CUDNN_STATUS_ALLOC_FAILED", "CUSOLVER_STATUS_ALLOC_FAILED"),
    # What these libraries say on a full GPU where they cannot even begin.
    *("CUBLAS_STATUS_NOT_INITIALIZED", "CUDNN_STATUS_NOT_INITIALIZED", "CUDNN_STATUS_INTERNAL_ERROR"),
    *("CUSOLVER_STATUS_NOT_INITIALIZED", "CUSOLVER_STATUS_INTERNAL_ERROR"),
    "find an engine to execute",
)


@dataclass(frozen=True)
class Attempt:
    """Where, and at which working spacing (mm)."""

    device: torch.device
    spacing: float

    def __str__(self) -> str:
        return f"on {self.device} at {self.spacing:.2f} mm"


def first_that_fits(
    work: Callable[[Attempt], Found], first: Attempt, tell: Callable[[str], None]
) -> tuple[Found, Attempt]:
    """work(attempt) of the first attempt that does not run out of a GPU's memory, and that attempt.

    `tell` gets a line for people before every further attempt. Raises what `work` raises otherwise, and
    the error of the last attempt when that ran out, too.
    """
    attempts = list(_attempts(first))
    for attempt, following in pairwise(attempts):
        try:
            return work(attempt), attempt
        except RuntimeError as error:
            if not _ran_out(error):
                raise
        # Only now: as long as the error is held, its traceback holds the tensors.
        _free(attempt.device)
        tell(f"The memory did not suffice {attempt}: trying {following}.")
    return work(attempts[-1]), attempts[-1]


def _attempts(first: Attempt) -> Iterator[Attempt]:
    yield first
    if first.device.type == "cuda":
        for times in range(1, _MOST_COARSER + 1):
            yield Attempt(first.device, first.spacing * _COARSER**times)
        yield Attempt(torch.device("cpu"), first.spacing)


def _ran_out(error: RuntimeError) -> bool:
    """Whether a GPU had too little memory: torch's own error, or what CUDA's libraries say."""
    return isinstance(error, torch.cuda.OutOfMemoryError) or any(words in str(error) for words in _WORDS)


def _free(device: torch.device) -> None:
    gc.collect()
    if device.type == "cuda" and torch.cuda.is_available():
        torch.cuda.empty_cache()
