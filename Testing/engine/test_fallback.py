"""When a GPU runs out of memory: coarser, then on the CPU, and always told."""

import pytest
import torch

from sitreg_engine.fallback import Attempt, first_that_fits

GPU, CPU = torch.device("cuda:0"), torch.device("cpu")


def works_when(fits):
    """Work that runs out of memory, as torch says it, until an attempt fits; and the attempts made."""
    made = []

    def work(attempt: Attempt) -> str:
        made.append(attempt)
        if not fits(attempt):
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return "done"

    return work, made


def test_what_fits_at_once_is_done_at_once_and_nothing_is_told():
    work, made = works_when(lambda _: True)
    told = []
    assert first_that_fits(work, Attempt(GPU, 1.0), told.append) == ("done", Attempt(GPU, 1.0))
    assert made == [Attempt(GPU, 1.0)] and told == []


def test_half_the_voxels_are_tried_next():
    work, made = works_when(lambda attempt: attempt.spacing > 1.2)
    told = []
    _, done = first_that_fits(work, Attempt(GPU, 1.0), told.append)
    assert done.device == GPU and done.spacing**3 == pytest.approx(2.0)
    assert told == ["The memory did not suffice on cuda:0 at 1.00 mm: trying on cuda:0 at 1.26 mm."]
    assert len(made) == 2


def test_in_the_end_the_cpu_does_it_at_the_first_spacing():
    work, made = works_when(lambda attempt: attempt.device == CPU)
    told = []
    assert first_that_fits(work, Attempt(GPU, 1.0), told.append) == ("done", Attempt(CPU, 1.0))
    assert [attempt.device for attempt in made] == [GPU, GPU, GPU, CPU]
    assert len(told) == 3 and told[-1].endswith("trying on cpu at 1.00 mm.")


def test_a_cpu_has_nothing_to_fall_back_to():
    work, made = works_when(lambda _: False)
    with pytest.raises(torch.OutOfMemoryError):
        first_that_fits(work, Attempt(CPU, 1.0), lambda _: None)
    assert len(made) == 1


def test_other_failures_are_not_tried_again():
    def work(_: Attempt) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        first_that_fits(work, Attempt(GPU, 1.0), lambda _: None)


def test_cancelling_between_attempts_is_possible():
    work, made = works_when(lambda _: False)

    def tell(_: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        first_that_fits(work, Attempt(GPU, 1.0), tell)
    assert len(made) == 1
