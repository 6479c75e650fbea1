"""Does our network give what the published code gave? A checkpoint run on a stored pair, compared in voxels."""

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from sitreg_engine.errors import InputError

from .checkpoint import load_checkpoint
from .config import SITRegConfig

_NAMES = ("image_1", "image_2", "f12", "f21")


@dataclass(frozen=True)
class Verification:
    difference_12: float  # largest difference of f12 to the stored one, voxels
    difference_21: float
    tolerance: float  # voxels
    architecture: str  # what was inferred from the checkpoint, for people

    @property
    def passed(self) -> bool:
        """Within the tolerance; a NaN is not."""
        return self.difference_12 <= self.tolerance and self.difference_21 <= self.tolerance


def verify(
    checkpoint: Path,
    pair: Path,
    groups: int | None = None,
    tolerance: float | None = None,
    update_groups: int | None = None,
) -> Verification:
    """Run a checkpoint on the pair in an .npz file and compare.

    pair: image_1 and image_2 (I, J, K), f12 and f21 (3, I, J, K) in voxels; image_1 sampled at x + f12(x) resembles
    image_2. tolerance in voxels, else by architecture: 2e-4, or 2e-2 with GroupNorm in the update networks, whose
    float32 rounding the inversion's stopping rule amplifies. Raises InputError when a file cannot be used.
    """
    stored = _read_pair(pair)
    network, config = load_checkpoint(checkpoint, groups, update_groups)
    if config.in_channels != 1:
        raise InputError(f"A network of one channel was expected, got {config.in_channels} channels in {checkpoint}.")
    with torch.inference_mode():
        result = network(stored["image_1"][None, None], stored["image_2"][None, None])
    return Verification(
        difference_12=float((result.f12[0] - stored["f12"]).abs().max()),
        difference_21=float((result.f21[0] - stored["f21"]).abs().max()),
        tolerance=default_tolerance(config) if tolerance is None else tolerance,
        architecture=config.describe(),
    )


def default_tolerance(config: SITRegConfig) -> float:
    """What float32 may differ between two correct implementations, in voxels."""
    return 2e-4 if config.update_groups is None else 2e-2


def _read_pair(path: Path) -> dict[str, Tensor]:
    """The four arrays of a pair file, float32. Raises InputError."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: torch.from_numpy(file[name].astype(np.float32)) for name in _NAMES}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, zipfile.BadZipFile) as error:
        raise InputError(
            f"A .npz file with the arrays {', '.join(_NAMES)} was expected at {path}, but it could not be read as one."
        ) from error
    shape = tuple(arrays["image_1"].shape)
    expected = {"image_1": shape, "image_2": shape, "f12": (3, *shape), "f21": (3, *shape)}
    for name, wanted in expected.items():
        given = tuple(arrays[name].shape)
        if len(shape) != 3 or given != wanted:
            raise InputError(
                f"In {path}, images (I, J, K) and fields (3, I, J, K) of one grid were expected, got {name} of {given}."
            )
    return arrays
