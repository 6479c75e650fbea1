"""ConvexAdam with MIND features, its default settings. No SETTING."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import SimpleITK as sitk
import torch
from adapter import field_of, inverse_of, read, run, threads
from convexAdam.convex_adam_MIND import convex_adam_pt


def register(fixed: str, moving: str, _folder: Path, _settings: Sequence[str]):
    torch.set_num_threads(threads())
    images = [read(path) for path in (fixed, moving)]
    arrays = [sitk.GetArrayFromImage(image).astype(np.float32) for image in images]
    voxels = np.asarray(convex_adam_pt(*arrays, device=torch.device("cpu"), dtype=torch.float32))  # (K, J, I, 3): k j i
    like = images[0]
    matrix = np.array(like.GetDirection()).reshape(3, 3) * np.array(like.GetSpacing())
    field = field_of(voxels[..., ::-1] @ matrix.T, like)
    return field, inverse_of(field)


if __name__ == "__main__":
    run(register, ["convexAdam", "torch"])
