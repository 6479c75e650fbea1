"""Local normalised cross-correlation of two images on one grid: 1 where intensities agree up to scale and shift.

NCC(x) = cov(a, b) / sqrt(var(a) var(b)) over a cube around x (signed, -1..1), as far as the cube lies in the image.
A cube in which BOTH images are flat says nothing and is left out; where only one is flat the other shows
structure that has no counterpart, and NCC is 0.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from sitreg_engine.contract import Measure
from sitreg_engine.errors import InputError

WINDOW = 7  # voxels along each edge of the cube
_FLAT = 1e-5  # variance below which a cube is flat, in units of the image's variance inside the mask


def local_ncc(first: np.ndarray, second: np.ndarray, window: int = WINDOW) -> np.ndarray:
    """Local NCC at every voxel of two arrays (I, J, K), float32; NaN where both are flat.

    Raises InputError when the shapes differ or the window is not odd.
    """
    if first.shape != second.shape:
        raise InputError(f"Images are compared on one grid, but their shapes are {first.shape} and {second.shape}.")
    if window < 1 or window % 2 == 0:
        raise InputError(f"The window of local NCC is an odd number of voxels, given {window}.")
    a, b = _standardised(first), _standardised(second)
    mean_a, mean_b = _box_mean(a, window), _box_mean(b, window)
    var_a = _box_mean(a * a, window).sub_(mean_a * mean_a)
    var_b = _box_mean(b * b, window).sub_(mean_b * mean_b)
    covariance = _box_mean(a * b, window).sub_(mean_a * mean_b)
    flat_a, flat_b = var_a < _FLAT, var_b < _FLAT
    ncc = covariance / torch.sqrt(var_a.clamp_min(_FLAT) * var_b.clamp_min(_FLAT))
    ncc = ncc.clamp_(-1, 1).masked_fill_(flat_a | flat_b, 0.0)
    return ncc.masked_fill_(flat_a & flat_b, float("nan"))[0, 0].numpy()


def mean_local_ncc(
    first: np.ndarray, second: np.ndarray, mask: np.ndarray | None = None, window: int = WINDOW
) -> float:
    """Mean of local NCC over a bool mask (or everything), leaving out where both are flat; NaN when nothing is left."""
    if mask is None:
        ncc = local_ncc(first, second, window)
    elif not mask.any():
        return float("nan")
    else:
        box = _around(mask, window)  # the mask's box and one window more: the rest cannot matter
        ncc = local_ncc(first[box], second[box], window)[mask[box]]
    kept = ncc[~np.isnan(ncc)]
    return float(kept.mean(dtype=np.float64)) if kept.size else float("nan")


def similarity_measures(
    fixed: np.ndarray,
    before: np.ndarray,
    after: np.ndarray,
    mask: np.ndarray | None = None,
    aligned: np.ndarray | None = None,
) -> list[Measure]:
    """Mean local NCC of fixed and moving image before and after registration, all (I, J, K) on the fixed grid.

    `aligned`: the moving image after the affine alone.
    """
    where = "inside the mask" if mask is not None else "over the fixed image"
    text = f"Mean local cross-correlation ({WINDOW} voxel cubes) {where}"
    moments = [("ncc_before", before, "before registration"), ("ncc", after, "after registration")]
    if aligned is not None:
        moments.insert(1, ("ncc_aligned", aligned, "after alignment"))
    return [Measure(name, f"{text}, {when}", mean_local_ncc(fixed, image, mask), "") for name, image, when in moments]


def _standardised(image: np.ndarray) -> Tensor:
    """Mean 0 and variance 1, (1, 1, I, J, K) float32, so that float32 sums lose nothing and 'flat' has a scale."""
    mean, spread = image.mean(dtype=np.float64), image.std(dtype=np.float64)
    scaled = (image - np.float32(mean)) / np.float32(spread or 1.0)
    return torch.from_numpy(np.ascontiguousarray(scaled, dtype=np.float32))[None, None]


def _box_mean(image: Tensor, window: int) -> Tensor:
    """Mean over cubes, axis by axis; at the border over the part of the cube that lies in the image."""
    for axis in range(3):
        size = [1, 1, 1]
        size[axis] = window
        padding = [n // 2 for n in size]
        image = F.avg_pool3d(image, size, stride=1, padding=padding, count_include_pad=False)
    return image


def _around(mask: np.ndarray, margin: int) -> tuple[slice, ...]:
    """The box of a mask and `margin` voxels more."""
    result = []
    for axis, size in enumerate(mask.shape):
        hits = np.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != axis)))
        result.append(slice(max(int(hits[0]) - margin, 0), min(int(hits[-1]) + 1 + margin, size)))
    return tuple(result)
