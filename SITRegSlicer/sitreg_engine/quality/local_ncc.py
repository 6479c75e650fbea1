"""Local normalised cross-correlation of two images on one grid: 1 where intensities agree up to scale and shift.

NCC(x) = cov(a, b) / sqrt(var(a) var(b)) over a cube around x (signed, -1..1), as far as the cube lies in the image.
A cube in which BOTH images are flat says nothing and is left out; where only one is flat the other shows
structure that has no counterpart, and NCC is 0.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from sitreg_engine.errors import InputError
from sitreg_engine.lattices import Box, box_around, in_slabs

WINDOW = 7  # voxels along each edge of the cube
_FLAT = 1e-5  # variance below which a cube is flat, in units of the whole image's variance
_ROUNDING = 1e-9  # of a mean in double precision; float32 numbers that differ at all differ by more
# Values are cut off this far beyond the range of all but the darkest and brightest 0.1 %, in units of that range:
# beside one broken voxel of a million times the tissue's brightness everything else would be flat.
_FAR = 10.0
_MANY = 500_000  # voxels; of more, fewer are looked at for that range
# Rows and columns of a tile. Neighbouring tiles share the voxels of their cubes: larger tiles share less, smaller
# ones stay in the caches.
_ROWS, _COLUMNS = 16, 32


def local_ncc(first: np.ndarray, second: np.ndarray, window: int = WINDOW) -> np.ndarray:
    """Local NCC at every voxel of two arrays (I, J, K), float32; NaN where both are flat.

    Raises InputError when the shapes differ or the window is not odd.
    """
    _check(first, [second], window)
    a, b = _scaled(first), _scaled(second)
    result = np.empty(first.shape, np.float32)

    def fill(rows: slice) -> None:
        for tile in _tiles(rows, first.shape):
            result[tile] = _nccs(a, [b], tile, window)[0].numpy()

    in_slabs(fill, first.shape, voxels=_slab(first.shape))
    return result


def mean_local_nccs(
    first: np.ndarray,
    seconds: Sequence[np.ndarray],
    mask: np.ndarray | None = None,
    window: int = WINDOW,
    check: Callable[[], None] = lambda: None,
) -> list[float]:
    """Mean of the local NCC of `first` and each of `seconds`, all (I, J, K), over a bool mask (or everything).

    Where both images are flat is left out; NaN when nothing is left. `check` is called now and then, and may raise.
    Raises InputError when the shapes differ or the window is not odd.
    """
    _check(first, seconds, window)
    if mask is not None:
        box = box_around(mask, window)  # the mask's box and one window more: the rest cannot matter
        first, seconds, mask = first[box], [second[box] for second in seconds], mask[box]
    if first.size == 0:
        return [float("nan")] * len(seconds)
    a, others = _scaled(first), [_scaled(second) for second in seconds]

    def totals(rows: slice) -> Tensor:
        found = [_totals(a, others, tile, mask, window) for tile in _tiles(rows, first.shape)]
        return torch.stack(found).sum(dim=0)

    parts = in_slabs(totals, first.shape, check, _slab(first.shape))
    return [float(total / count) for total, count in torch.stack(parts).sum(dim=0)]  # 0 / 0 is NaN


@dataclass(frozen=True)
class _Scaled:
    """An image to be brought to mean 0 and variance 1, so that float32 sums lose nothing and 'flat' has a scale."""

    values: Tensor  # (I, J, K) float32, as given
    limits: tuple[float, float]  # what lies beyond is cut off
    mean: float
    spread: float

    def around(self, tile: Box, margin: int) -> Tensor:
        """The scaled image in a tile and `margin` voxels more on each side; 0 outside the image."""
        inner, outer = [], []
        for part, size in zip(tile, self.values.shape, strict=True):
            low, high = max(part.start - margin, 0), min(part.stop + margin, size)
            inner.append(slice(low, high))
            outer = [low - (part.start - margin), part.stop + margin - high, *outer]  # torch counts from the last axis
        return F.pad(self.values[tuple(inner)].clamp(*self.limits).sub_(self.mean).div_(self.spread), outer)


def _scaled(image: np.ndarray) -> _Scaled:
    values = torch.from_numpy(np.asarray(image, dtype=np.float32))
    limits = _limits(values.numpy())

    def moments(rows: slice) -> tuple[float, float, float]:
        part = values[rows].clamp(*limits).double()
        variance, mean = torch.var_mean(part, correction=0)
        return part.numel(), float(mean), float(variance)

    counts, means, variances = np.array(in_slabs(moments, image.shape)).T
    mean = np.average(means, weights=counts)
    spread = np.sqrt(np.average(variances + (means - mean) ** 2, weights=counts))
    constant = spread <= _ROUNDING * abs(mean)
    return _Scaled(values, limits, float(mean), 1.0 if constant else float(spread))


def _limits(image: np.ndarray) -> tuple[float, float]:
    """What no tissue is darker or brighter than; all numbers where nearly all values are the same."""
    step = max(round((image.size / _MANY) ** (1 / 3)), 1)
    low, high = (float(value) for value in np.percentile(image[::step, ::step, ::step], [0.1, 99.9]))
    beyond, largest = _FAR * (high - low) or float("inf"), float(np.finfo(np.float32).max)
    return max(low - beyond, -largest), min(high + beyond, largest)


def _check(first: np.ndarray, seconds: Sequence[np.ndarray], window: int) -> None:
    for second in seconds:
        if first.shape != second.shape:
            raise InputError(f"Images are compared on one grid, but their shapes are {first.shape} and {second.shape}.")
    if window < 1 or window % 2 == 0:
        raise InputError(f"The window of local NCC is an odd number of voxels, given {window}.")


def _slab(shape: tuple[int, ...]) -> int:
    return _ROWS * shape[1] * shape[2]


def _tiles(rows: slice, shape: tuple[int, ...]) -> Iterator[Box]:
    for start in range(0, shape[1], _COLUMNS):
        yield rows, slice(start, min(start + _COLUMNS, shape[1])), slice(0, shape[2])


def _totals(a: _Scaled, others: Sequence[_Scaled], tile: Box, mask: np.ndarray | None, window: int) -> Tensor:
    """Sum and number of the values that count in a tile, for each of the others: (len(others), 2) float64."""
    result = torch.zeros(len(others), 2, dtype=torch.float64)
    chosen = None if mask is None else torch.from_numpy(mask[tile])
    if chosen is not None and not chosen.any():
        return result
    for total, ncc in zip(result, _nccs(a, others, tile, window), strict=True):
        left_out = ncc.isnan() if chosen is None else ncc.isnan().logical_or_(~chosen)
        total[0] = ncc.masked_fill_(left_out, 0.0).sum(dtype=torch.float64)
        total[1] = left_out.numel() - left_out.count_nonzero()
    return result


def _nccs(first: _Scaled, seconds: Sequence[_Scaled], tile: Box, window: int) -> list[Tensor]:
    """Local NCC of one image with each of the others in a tile."""
    share = _shares(tile, first.values.shape, window)
    a = first.around(tile, window // 2)
    mean_a, var_a = _moments(a, share, window)
    flat_a = var_a < _FLAT
    var_a.clamp_min_(_FLAT)
    result = []
    for second in seconds:
        b = second.around(tile, window // 2)
        mean_b, var_b = _moments(b, share, window)
        flat_b = var_b < _FLAT
        covariance = _window_sums(a * b, window).mul_(share).addcmul_(mean_a, mean_b, value=-1)
        ncc = covariance.mul_(var_b.clamp_min_(_FLAT).mul_(var_a).rsqrt_()).clamp_(-1, 1)
        result.append(ncc.masked_fill_(flat_a | flat_b, 0.0).masked_fill_(flat_a & flat_b, float("nan")))
    return result


def _moments(image: Tensor, share: Tensor, window: int) -> tuple[Tensor, Tensor]:
    """Mean and variance over the cubes."""
    mean = _window_sums(image, window).mul_(share)
    return mean, _window_sums(image * image, window).mul_(share).addcmul_(mean, mean, value=-1)


def _shares(tile: Box, shape: tuple[int, ...], window: int) -> Tensor:
    """One over the number of voxels of each cube that lie in the image, broadcastable to the tile's shape."""
    half, counts = window // 2, []
    for part, size in zip(tile, shape, strict=True):
        index = torch.arange(part.start, part.stop)
        counts.append((index + half).clamp_max(size - 1) - (index - half).clamp_min(0) + 1)
    return 1.0 / (counts[0][:, None, None] * counts[1][:, None] * counts[2]).float()


def _window_sums(values: Tensor, window: int) -> Tensor:
    """Sums over all cubes that lie in an array (I, J, K); each axis gets shorter by window - 1."""
    for axis in range(3):
        values = _sums_along(values, window, axis)
    return values


def _sums_along(values: Tensor, window: int, axis: int) -> Tensor:
    """Sums of `window` successive values, by doubling: 7 of them take 4 additions."""
    length, start, size, total = values.shape[axis] - window + 1, 0, 1, None
    while True:
        if window & size:
            part = values.narrow(axis, start, length)
            total, start = part if total is None else total + part, start + size
        if start == window:
            return total
        kept = values.shape[axis] - size
        values = values.narrow(axis, 0, kept) + values.narrow(axis, size, kept)
        size *= 2
