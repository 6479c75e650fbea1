"""SyN of ANTsPy, without an affine of its own. SETTING: reg_iterations, such as 100,70,50,20; its default if absent.

"SyNOnly" is what "SyN" runs after its affine: mutual information, 32 bins, the same default iterations.
"""

from collections.abc import Sequence
from pathlib import Path

import ants
from adapter import read, run


def register(fixed: str, moving: str, folder: Path, settings: Sequence[str]):
    images = [ants.image_read(path) for path in (fixed, moving)]
    how = {"reg_iterations": tuple(int(n) for n in settings[0].split(","))} if settings else {}
    prefix = str(folder / "ants_")
    ants.registration(*images, "SyNOnly", initial_transform="Identity", outprefix=prefix, **how)
    inverse = next(folder.glob("ants_*InverseWarp.nii.gz"))
    forward = next(path for path in folder.glob("ants_*Warp.nii.gz") if path != inverse)
    return read(forward), read(inverse)


if __name__ == "__main__":
    run(register, ["antspyx"])
