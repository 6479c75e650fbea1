"""FireANTs on the CPU. SETTING: greedy or syn; cross-correlation in windows of 5 voxels, scales 4, 2, 1."""

from collections.abc import Sequence
from pathlib import Path

import torch
from adapter import inverse_of, read, run, threads
from fireants.io.image import BatchedImages, Image
from fireants.registration.greedy import GreedyRegistration
from fireants.registration.syn import SyNRegistration

_KINDS = {"greedy": (GreedyRegistration, 0.5), "syn": (SyNRegistration, 0.25)}  # with the step its examples take


def register(fixed: str, moving: str, folder: Path, settings: Sequence[str]):
    torch.set_num_threads(threads())
    kind, step = _KINDS[settings[0]]
    images = [BatchedImages([Image.load_file(path, device="cpu")]) for path in (fixed, moving)]
    registration = kind(
        scales=[4, 2, 1],
        iterations=[200, 100, 50],
        fixed_images=images[0],
        moving_images=images[1],
        cc_kernel_size=5,
        optimizer="Adam",
        optimizer_lr=step,
        smooth_grad_sigma=1.0,
        smooth_warp_sigma=0.25,
        progress_bar=False,
    )
    registration.optimize()
    with torch.no_grad():
        registration.save_as_ants_transforms(str(folder / "warp.nii"))
    forward = read(folder / "warp.nii")
    return forward, inverse_of(forward)


if __name__ == "__main__":
    run(register, ["fireants", "torch"])
