"""Which devices this machine has, and the one a job asked for."""

import torch

from .errors import InputError


def available_devices() -> list[str]:
    """Names a job can ask for: "cpu", then "cuda:0", "cuda:1", ... for every GPU that torch can use."""
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    return ["cpu", *(f"cuda:{n}" for n in range(count))]


def choose_device(name: str) -> torch.device:
    """The device for "auto" (the first GPU, else the CPU), "cpu", "cuda" (the first GPU) or "cuda:N".

    Raises InputError for any other name and for a GPU that is not there: a job that asked for one never runs on the
    CPU in silence.
    """
    devices = available_devices()
    if name == "auto":
        return torch.device(devices[1] if len(devices) > 1 else "cpu")
    wanted = "cuda:0" if name == "cuda" else name
    if wanted not in devices:
        raise InputError(f"The device must be auto or one of {', '.join(devices)} on this machine, not {name!r}.")
    return torch.device(wanted)
