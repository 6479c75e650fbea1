"""greedy (picsl-greedy): NCC in windows of 5 voxels. SETTING: iterations, coarse to fine, such as 100x100x50."""

from collections.abc import Sequence
from pathlib import Path

from adapter import read, run, threads
from picsl_greedy import Greedy3D


def register(fixed: str, moving: str, folder: Path, settings: Sequence[str]):
    (iterations,) = settings
    forward, inverse = folder / "warp.nii", folder / "inverse_warp.nii"
    Greedy3D().execute(
        f"-i {fixed} {moving} -m NCC 2x2x2 -n {iterations} -threads {threads()} -o {forward} -oinv {inverse}"
    )
    return read(forward), read(inverse)


if __name__ == "__main__":
    run(register, ["picsl-greedy"])
