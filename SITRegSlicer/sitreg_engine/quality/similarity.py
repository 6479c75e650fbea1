"""How alike two images are before and after registration."""

from collections.abc import Callable

import numpy as np

from sitreg_engine.contract import Measure

from .local_ncc import WINDOW, mean_local_nccs


def similarity_measures(
    fixed: np.ndarray,
    before: np.ndarray,
    after: np.ndarray,
    mask: np.ndarray,
    where: str,
    aligned: np.ndarray | None = None,
    check: Callable[[], None] = lambda: None,
) -> list[Measure]:
    """Mean local NCC of fixed and moving image before and after registration, all (I, J, K) on the fixed grid.

    `mask`: the voxels that are compared, the same before and after; `where`: these, in words. `aligned`: the moving
    image after the affine alone. `check` is called now and then, and may raise to stop.
    """
    text = f"Mean local cross-correlation ({WINDOW} voxel cubes) {where}"
    stages = [("ncc_before", before, "before registration"), ("ncc", after, "after registration")]
    if aligned is not None:
        stages.insert(1, ("ncc_aligned", aligned, "after alignment"))
    values = mean_local_nccs(fixed, [image for _, image, _ in stages], mask, check=check)
    return [Measure(name, f"{text}, {when}", v, "") for (name, _, when), v in zip(stages, values, strict=True)]
