"""Failures in one clear line, with their exit codes."""

import errno

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from sitreg_engine import failures
from sitreg_engine.errors import AlignmentError, Cancelled, InputError, OutputError, ResourceError
from sitreg_engine.outputs import staged


def raised(error: Exception) -> Exception:
    try:
        raise error
    except type(error) as caught:
        return caught


@pytest.mark.parametrize(
    "error, code",
    [
        (InputError("a"), 2),
        (OutputError("a"), 2),
        (OSError(errno.ENOSPC, "No space left on device"), 2),
        (AlignmentError("a"), 1),
        (ResourceError("a"), 1),
        (Cancelled("a"), 1),
        (MemoryError(), 1),
        (ZeroDivisionError("a"), 1),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_was_given_and_what_went_wrong_have_different_exit_codes(error, code):
    assert failures.exit_code(error) == code


def test_the_engines_errors_speak_for_themselves():
    told = failures.explain(raised(InputError("The fixed image was not found:\n x.nrrd.")))
    assert told.message == "The fixed image was not found: x.nrrd."
    assert told.expected and not told.cancelled
    assert "Traceback" in told.detail and "torch" in told.detail


def test_a_cancelled_job_is_told_apart():
    assert failures.explain(raised(Cancelled("stopped"))).cancelled


def test_an_unexpected_error_names_its_kind_in_one_line():
    told = failures.explain(raised(ZeroDivisionError("division\nby zero")))
    assert "ZeroDivisionError" in told.message and "\n" not in told.message
    assert not told.expected


def real_memory_errors() -> list[Exception]:
    """What numpy, torch and SimpleITK really say when asked for more than any machine has."""
    attempts = [
        lambda: np.empty(2**55),
        lambda: torch.empty(2**55),
        lambda: sitk.Image([2**17] * 3, sitk.sitkFloat64),
    ]
    errors = []
    for attempt in attempts:
        with pytest.raises((MemoryError, RuntimeError)) as caught:
            attempt()
        errors.append(caught.value)
    return errors


def test_memory_that_runs_out_is_told_in_words_with_a_way_on():
    for error in [*real_memory_errors(), torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")]:
        told = failures.explain(error)
        assert "too little memory" in told.message and "coarser" in told.message
        assert told.expected


def test_memory_that_runs_out_while_writing_is_not_taken_for_a_full_disk(tmp_path):
    def write() -> None:
        raise RuntimeError("bad_alloc")

    with staged(str(tmp_path)) as staging, pytest.raises(ResourceError, match="too little memory"):
        staging._write(write, tmp_path / "a.nii.gz")


def test_what_was_about_to_be_told_gives_way_to_memory_that_ran_out_and_to_nothing_else():
    told = InputError("The file could not be read.")
    assert failures.or_out_of_memory(told, RuntimeError("no such tag")) is told
    assert isinstance(failures.or_out_of_memory(told, RuntimeError("Failed to allocate memory")), ResourceError)


@pytest.mark.parametrize(
    "said",
    [
        "cuDNN error: CUDNN_STATUS_EXECUTION_FAILED",
        "CUDA error: CUBLAS_STATUS_EXEC_FAILED",
        "cusolver error: CUSOLVER_STATUS_EXECUTION_FAILED, when calling `cusolverDnSgetrf(handle)`",
    ],
)
def test_a_library_of_the_gpu_that_fails_is_no_defect_of_ours(said):
    told = failures.explain(RuntimeError(said))
    assert told.expected and said in told.message and "device cpu" in told.message


def test_a_gpu_that_fails_is_named_as_such():
    text = "CUDA error: no kernel image is available for execution on the device\nLook it up.\n"
    told = failures.explain(
        RuntimeError(text + "Compile with `TORCH_USE_CUDA_DSA` to enable device-side assertions.\n")
    )
    assert told.expected
    assert "no kernel image is available" in told.message and "device cpu" in told.message
    assert "TORCH_USE_CUDA_DSA" in told.detail and "TORCH_USE_CUDA_DSA" not in told.message
