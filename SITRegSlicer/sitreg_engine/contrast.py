"""Images of different contrasts made alike: one of them as the other would show it, brightness by brightness.

After the alignment most places of two images show the same tissue already. Where one of them has a certain brightness,
the other has some brightness on average; that average, a curve, turns T2 into T1, a negative into a positive (Guimond,
Roche, Ayache and Meunier 2001, "Three-dimensional multimodal brain warping using the demons algorithm and adaptive
intensity corrections"). Squared local correlation bears an inverted contrast, but not a scalp that is bright in one
image and dark in the other: it finds edges to hold on to, and the wrong ones.

Images that agree nearly as well without are left as they are. Swapping fixed and moving swaps the curves.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from .prepare import Pair
from .prepare.normalise import SHOULDER
from .refine.local_ncc import Windows, mean_correlation

# Share of the best signed local correlation that images as they are must reach to be left alone. Measured: pairs of one
# contrast reach 0.93 and more, with noise and bias fields too; heads with scrambled intensities 0.5, T2-like ones 0.1.
_AS_GOOD = 0.7
_LEAST = 0.02  # signed local correlation; with less there is nothing to go by
_WINDOW = 5  # of local correlation, voxels of the half-size images
_BINS = 48  # of normalised intensity, from -SHOULDER to 1 + SHOULDER
_FEWEST = 20  # voxels that an average is taken over
_MANY = 2_500_000  # voxels; of more, fewer are looked at


@dataclass(frozen=True)
class Curve:
    """What one image shows on average where the other one has a certain value; linear between, constant beyond."""

    given: np.ndarray  # (N,), rising
    shown: np.ndarray  # (N,)

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """An array of any shape as the other image would show it, float32."""
        return np.interp(image, self.given, self.shown).astype(np.float32)


@dataclass(frozen=True)
class Contrast:
    """What is to be done to the images of a pair before they are compared; one curve at most."""

    moving: Curve | None = None
    fixed: Curve | None = None

    def applied(self, pair: Pair) -> Pair:
        """The pair, at whatever spacing, with one image shown as the other would."""
        if self.moving is not None:
            return replace(pair, moving=_through(self.moving, pair.moving))
        if self.fixed is not None:
            return replace(pair, fixed=_through(self.fixed, pair.fixed))
        return pair

    @property
    def doubts(self) -> list[str]:
        """For people."""
        if self.moving is None and self.fixed is None:
            return []
        one, other = ("moving", "fixed") if self.moving is not None else ("fixed", "moving")
        return [
            f"The volumes differ in contrast: the {one} volume was compared as the {other} one would show it, "
            "brightness by brightness. Look at the result with care."
        ]


@torch.inference_mode()
def contrast_between(pair: Pair) -> Contrast:
    """What makes the aligned images agree clearly better, in what both show (of their masks, where there are some)."""
    moving, fixed, where = _few(pair.moving), _few(pair.fixed), _compared(pair)
    if where.sum() < _FEWEST:
        return Contrast()
    of_moving, of_fixed = average_curve(moving, fixed, where), average_curve(fixed, moving, where)
    as_is = _correlation(moving, fixed, where)
    with_moving = _correlation(of_moving(moving), fixed, where)
    with_fixed = _correlation(moving, of_fixed(fixed), where)
    best = max(with_moving, with_fixed)
    if best < _LEAST or as_is >= _AS_GOOD * best:
        return Contrast()
    return Contrast(moving=of_moving) if with_moving >= with_fixed else Contrast(fixed=of_fixed)


def _correlation(moving: np.ndarray, fixed: np.ndarray, where: np.ndarray) -> float:
    """Mean local correlation, signed, of images averaged over cubes of two voxels: single ones are mostly noise."""
    a, b, seen = (F.avg_pool3d(torch.from_numpy(np.float32(x))[None, None], 2) for x in (moving, fixed, where))
    return mean_correlation(a, b, Windows.of(seen, seen, _WINDOW))


def average_curve(image: np.ndarray, other: np.ndarray, where: np.ndarray) -> Curve:
    """What `other` shows on average where `image` has a certain value; all (I, J, K), normalised, `where` bool.

    Values that hardly occur take the average of their neighbours.
    """
    width = (1 + 2 * SHOULDER) / _BINS
    values = image[where]
    index = np.clip(((values + SHOULDER) / width).astype(int), 0, _BINS - 1)
    counts = np.bincount(index, minlength=_BINS)
    sums = np.bincount(index, other[where], minlength=_BINS)
    often = counts >= min(_FEWEST, counts.max())
    return Curve(((np.arange(_BINS) + 0.5) * width - SHOULDER)[often], sums[often] / counts[often])


def _compared(pair: Pair) -> np.ndarray:
    """(I, J, K) bool, of few voxels: what both images show, of either mask if there is one."""
    seen = _few(pair.moving_inside * pair.fixed_inside) > 0
    masks = [_few(mask) > 0 for mask in (pair.moving_mask, pair.fixed_mask) if mask is not None]
    return seen & np.logical_or.reduce(masks) if masks else seen


def _few(image: Tensor) -> np.ndarray:
    """(I, J, K) float32: every voxel, or every other one along each axis of a large image.

    Not averages of voxels: between two tissues they would look like a third one.
    """
    step = 1 if image.numel() <= _MANY else 2
    return image[0, 0, ::step, ::step, ::step].contiguous().numpy()


def _through(curve: Curve, image: Tensor) -> Tensor:
    return torch.from_numpy(curve(image.numpy()))
