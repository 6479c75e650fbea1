"""Other intensities for the same anatomy: what another scanner, sequence or resolution would have shown."""

from dataclasses import replace

import numpy as np
import SimpleITK as sitk
import torch
import torch.nn.functional as F

from sitreg_engine.geometry import Grid, apply
from sitreg_engine.images import Volume, from_sitk, to_sitk
from sitreg_engine.prepare.normalise import AIR

from .settings import AugmentSettings
from .subjects import Subject

_COARSE = 4  # points along each axis between which a bias field varies
_SAMPLES = 200_000


def random_intensities(rng: np.random.Generator, subject: Subject, how: AugmentSettings) -> Subject:
    """The subject as it is shown to the network; `image`, which losses compare, stays as it was.

    Always draws the same amount of numbers, so that one option does not change what another one does.
    """
    source = subject.image if subject.shown is None else subject.shown
    values = in_range(source.array)
    chances, amounts = rng.random(3), rng.uniform(-1, 1, 4)
    curve, bias, grain = rng.random(4), rng.standard_normal((_COARSE,) * 3), rng.integers(2**63)
    if chances[0] < how.invert:
        values = inverted(values, curve)
    if how.gamma:
        values = np.maximum(values, 0) ** np.exp(how.gamma * amounts[0])
    if how.bias:
        values = values * np.exp(how.bias * amounts[1] * _smooth_field(bias, values.shape))
    changed = Volume(values.astype(np.float32), source.grid)
    if how.blur and amounts[2] > 0:
        changed = blurred(changed, how.blur * float(amounts[2]))
    if chances[1] < how.thick:
        changed = sliced(changed, int(chances[2] * 3), 1 + float(curve[0]) * (how.thickness - 1))
    if how.noise and amounts[3] > 0:
        changed = _noisy(changed, how.noise * float(amounts[3]), int(grain))
    return replace(subject, shown=changed)


def in_range(array: np.ndarray) -> np.ndarray:
    """Float32 with the 1st percentile at 0 and the 99.5th at 1; nothing is cut off."""
    few = array.ravel()[:: max(array.size // _SAMPLES, 1)]
    low, high = np.percentile(few, [1, 99.5])
    return (array.astype(np.float32) - np.float32(low)) / np.float32(max(high - low, np.finfo(np.float32).tiny))


def inverted(values: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """Bright becomes dark by a random falling curve (draws: 4 numbers 0..1); air stays dark."""
    levels = np.sort(draws)[::-1] * 0.9 + 0.1
    return np.interp(values, [0.0, AIR, 0.35, 0.65, 1.0], [0.0, *levels]).astype(np.float32)


def _smooth_field(points: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Random numbers on a few points, interpolated linearly to a whole image."""
    field = torch.from_numpy(points.astype(np.float32))[None, None]
    return F.interpolate(field, size=shape, mode="trilinear", align_corners=True)[0, 0].numpy()


def blurred(volume: Volume, sigma: float) -> Volume:
    """Smoothed by a Gaussian of sigma mm."""
    image = sitk.SmoothingRecursiveGaussian(to_sitk(volume.array, volume.grid), sigma)
    return Volume(from_sitk(image).array, volume.grid)


def sliced(volume: Volume, axis: int, thickness: float) -> Volume:
    """As slices of about `thickness` mm across `axis`: each is the mean of a whole number of voxels."""
    count = volume.grid.shape[axis]
    step = min(max(round(thickness / volume.grid.spacing[axis]), 1), max(count // 4, 1))
    if step == 1:
        return volume
    slices = count // step
    kept = np.take(volume.array, range(slices * step), axis=axis)
    shape, spacing, first = list(kept.shape), list(volume.grid.spacing), np.zeros(3)
    array = kept.reshape(*shape[:axis], slices, step, *shape[axis + 1 :]).mean(axis=axis + 1)
    shape[axis], spacing[axis], first[axis] = slices, spacing[axis] * step, (step - 1) / 2
    origin = tuple(map(float, apply(volume.grid.voxel_to_world, first)))
    return Volume(np.ascontiguousarray(array), Grid(tuple(shape), tuple(spacing), origin, volume.grid.direction))


def _noisy(volume: Volume, sigma: float, seed: int) -> Volume:
    noise = np.random.default_rng(seed).standard_normal(volume.array.shape, dtype=np.float32)
    return Volume(volume.array + np.float32(sigma) * noise, volume.grid)
