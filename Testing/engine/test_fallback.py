"""When a GPU runs out of memory: coarser, then on the CPU, and always told."""

import json
import weakref
from pathlib import Path

import pytest
import torch

from sitreg_engine.contract import Job
from sitreg_engine.fallback import Attempt, first_that_fits
from sitreg_engine.progress import Reporter
from sitreg_engine.register import register

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


@pytest.mark.parametrize(
    "said",
    [
        "CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`",
        "cuDNN error: CUDNN_STATUS_NOT_INITIALIZED",
        "cusolver error: CUSOLVER_STATUS_INTERNAL_ERROR, when calling `cusolverDnCreate(handle)`",
        "CUDA driver error: out of memory",
        "GET was unable to find an engine to execute this computation",
    ],
)
def test_a_library_that_cannot_even_begin_on_a_full_gpu_is_such_a_case(said):
    def work(attempt: Attempt) -> str:
        if attempt.device == GPU:
            raise RuntimeError(said)
        return "done"

    assert first_that_fits(work, Attempt(GPU, 1.0), lambda _: None) == ("done", Attempt(CPU, 1.0))


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


@pytest.mark.parametrize(
    "words", ["CUDA error: out of memory", "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"]
)
def test_what_cudas_libraries_say_counts_too(words):
    def work(attempt: Attempt) -> str:
        if attempt.device == GPU:
            raise RuntimeError(words)
        return "done"

    assert first_that_fits(work, Attempt(GPU, 1.0), lambda _: None)[1] == Attempt(CPU, 1.0)


@pytest.mark.parametrize("error", [ZeroDivisionError(), RuntimeError("DefaultCPUAllocator: not enough memory")])
def test_other_failures_are_not_tried_again(error):
    made = []

    def work(attempt: Attempt) -> None:
        made.append(attempt)
        raise error

    with pytest.raises(type(error)):
        first_that_fits(work, Attempt(GPU, 1.0), lambda _: None)
    assert len(made) == 1


def test_nothing_of_a_failed_attempt_is_held_when_the_next_one_begins():
    held = []

    def work(attempt: Attempt) -> str:
        if attempt.device == GPU:
            large = torch.zeros(10)
            held.append(weakref.ref(large))
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return "done"

    def tell(_: str) -> None:
        assert all(tensor() is None for tensor in held)

    first_that_fits(work, Attempt(GPU, 1.0), tell)
    assert len(held) == 3


def test_cancelling_between_attempts_is_possible():
    work, made = works_when(lambda _: False)

    def tell(_: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        first_that_fits(work, Attempt(GPU, 1.0), tell)
    assert len(made) == 1


@pytest.mark.gpu
def test_a_registration_that_a_gpu_has_no_memory_for_ends_on_the_cpu_and_says_so(pair, tmp_path):
    torch.cuda.set_per_process_memory_fraction(1e-6)
    try:
        job = Job("test", pair.fixed, pair.moving, str(tmp_path / "out"), device="cuda", refine="4")
        result = register(job, Reporter())
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert result.device == json.loads(Path(result.outputs["record"]).read_text(encoding="utf-8"))["device"] == "cpu"
    assert sum("did not suffice on cuda:0" in warning for warning in result.warnings) == 3
