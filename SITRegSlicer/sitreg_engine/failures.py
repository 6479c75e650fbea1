"""Every way a job can fail, put into one clear line, with the technical detail apart."""

import errno
import platform
import sys
import traceback
from dataclasses import dataclass

from . import __version__
from .errors import Cancelled, EngineError, InputError, OutputError, ResourceError
from .itk import reason

# How torch, SimpleITK and numpy say that memory ran out, when they do not raise MemoryError.
_MEMORY_WORDS = (
    "out of memory",
    "not enough memory",
    "can't allocate memory",
    "failed to allocate memory",
    "unable to allocate",
    "bad_alloc",
)
# How torch's errors of GPUs begin, those of CUDA itself and of its libraries.
_GPU_WORDS = ("CUDA error", "cuDNN error", "cusolver error", "CUDNN_", "CUBLAS_", "find an engine to execute")


@dataclass(frozen=True)
class Explanation:
    """A failure for people (`message`, one line) and for the log (`detail`, the traceback)."""

    message: str
    detail: str
    cancelled: bool
    expected: bool  # False: a defect of this program


def explain(error: BaseException) -> Explanation:
    """What to tell about an exception that ended a job."""
    known = known_error(error)
    message = str(known) if known else _unexpected(error)
    return Explanation(" ".join(message.split()), _detail(error), isinstance(known, Cancelled), known is not None)


def known_error(error: BaseException) -> EngineError | None:
    """The error as one of the engine's own family; None when it is none of them."""
    if isinstance(error, EngineError):
        return error
    if isinstance(error, MemoryError) or any(word in str(error).lower() for word in _MEMORY_WORDS):
        return ResourceError(
            "There is too little memory for this job: choose a coarser working spacing, another device, "
            "or close other programs."
        )
    if isinstance(error, RuntimeError) and (word := _of_a_gpu(str(error))):
        told = str(error)[str(error).index(word) :].splitlines()[0].rstrip(".")
        return ResourceError(
            f"The GPU could not be used ({told}): choose the device cpu, or install a torch and a driver that fit it."
        )
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return OutputError("The disk is full: make room or choose another output folder.")
    return None


def or_out_of_memory(told: EngineError, error: BaseException) -> EngineError:
    """What to raise for an error that would be told as `told`: a ResourceError where it is memory that ran out."""
    known = known_error(error)
    return known if isinstance(known, ResourceError) else told


def _of_a_gpu(text: str) -> str:
    """Where the telling part of an error of a GPU begins; nothing when it is none."""
    return next((word for word in _GPU_WORDS if word in text), "")


def exit_code(error: BaseException) -> int:
    """Of the command line: 2 when what was given cannot be used, 1 for every other failure."""
    return 2 if isinstance(known_error(error), InputError | OutputError) else 1


def _unexpected(error: BaseException) -> str:
    return f"Unexpected failure, please report it with the log ({type(error).__name__}: {reason(error)})."


def _detail(error: BaseException) -> str:
    versions = f"sitreg_engine {__version__}, Python {platform.python_version()}, {platform.platform()}"
    torch = sys.modules.get("torch")
    if torch is not None:
        versions += f", torch {torch.__version__}"
    return versions + "\n" + "".join(traceback.format_exception(error))
