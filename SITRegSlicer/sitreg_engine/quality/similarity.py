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

from .sampling import slabs

WINDOW = 7  # voxels along each edge of the cube
_FLAT = 1e-5  # variance below which a cube is flat, in units of the whole image's variance
_SLAB_VOXELS = 2**20


def local_ncc(first: np.ndarray, second: np.ndarray, window: int = WINDOW) -> np.ndarray:
    """Local NCC at every voxel of two arrays (I, J, K), float32; NaN where both are flat.

    Raises InputError when the shapes differ or the window is not odd.
    """
    if first.shape != second.shape:
        raise InputError(f"Images are compared on one grid, but their shapes are {first.shape} and {second.shape}.")
    if window < 1 or window % 2 == 0:
        raise InputError(f"The window of local NCC is an odd number of voxels, given {window}.")
    a, b = _standardised(first), _standardised(second)
    result = np.empty(first.shape, np.float32)
    for rows in slabs(first.shape, _SLAB_VOXELS):
        low, high = max(rows.start - window // 2, 0), min(rows.stop + window // 2, first.shape[0])
        part = _ncc(a[low:high], b[low:high], window)
        result[rows] = part[rows.start - low : rows.stop - low].numpy()
    return result


def _ncc(a: Tensor, b: Tensor, window: int) -> Tensor:
    """Local NCC of two standardised images (I, J, K)."""
    means = _box_mean(torch.stack([a, b, a * a, b * b, a * b]), window)
    var_a, var_b = means[2] - means[0] ** 2, means[3] - means[1] ** 2
    flat_a, flat_b = var_a < _FLAT, var_b < _FLAT
    covariance = means[4].addcmul_(means[0], means[1], value=-1)
    ncc = covariance.div_(torch.sqrt(var_a.clamp_min_(_FLAT) * var_b.clamp_min_(_FLAT))).clamp_(-1, 1)
    return ncc.masked_fill_(flat_a | flat_b, 0.0).masked_fill_(flat_a & flat_b, float("nan"))


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
    """Mean 0 and variance 1, (I, J, K) float32, so that float32 sums lose nothing and 'flat' has a scale."""
    mean, spread = image.mean(dtype=np.float64), image.std(dtype=np.float64)
    scaled = (image - np.float32(mean)) / np.float32(spread or 1.0)
    return torch.from_numpy(np.ascontiguousarray(scaled, dtype=np.float32))


def _box_mean(images: Tensor, window: int) -> Tensor:
    """Mean over cubes of images (C, I, J, K); at the border over the part of the cube that lies in the image."""
    for axis in (1, 2, 3):
        size = images.shape[axis]
        padding = [0] * 6
        padding[6 - 2 * axis : 8 - 2 * axis] = [window // 2] * 2  # torch counts from the last axis
        counts = _window_sums(F.pad(torch.ones(size), [window // 2] * 2), window, 0)
        shape = [-1 if a == axis else 1 for a in range(4)]
        images = _window_sums(F.pad(images, padding), window, axis).div_(counts.view(shape))
    return images


def _window_sums(values: Tensor, window: int, axis: int) -> Tensor:
    """Sums of `window` successive values, by doubling: a cube of 7 costs 4 additions along each axis."""
    length, start, size, total = values.shape[axis] - window + 1, 0, 1, None
    while True:
        if window & size:
            part = values.narrow(axis, start, length)
            total, start = part.clone() if total is None else total.add_(part), start + size
        if start == window:
            return total
        kept = values.shape[axis] - size
        values = values.narrow(axis, 0, kept) + values.narrow(axis, size, kept)
        size *= 2


def _around(mask: np.ndarray, margin: int) -> tuple[slice, ...]:
    """The box of a mask and `margin` voxels more."""
    result = []
    for axis, size in enumerate(mask.shape):
        hits = np.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != axis)))
        result.append(slice(max(int(hits[0]) - margin, 0), min(int(hits[-1]) + 1 + margin, size)))
    return tuple(result)
