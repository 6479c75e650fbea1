"""Diffeomorphic demons of SimpleITK at four resolutions, histograms matched before.

SETTING: iterations, coarse to fine, such as 100x100x60x30.
"""

from collections.abc import Sequence
from pathlib import Path

import SimpleITK as sitk
from adapter import inverse_of, read, run

_SIGMA = 1.5  # of the smoothing of the whole displacement after each step, voxels


def register(fixed: str, moving: str, _folder: Path, settings: Sequence[str]):
    images = [sitk.Cast(read(path), sitk.sitkFloat32) for path in (fixed, moving)]
    images[1] = sitk.HistogramMatching(images[1], images[0], 1024, 15, True)
    counts = [int(n) for n in settings[0].split("x")]
    field = None
    for level, count in enumerate(counts):
        factor = 2 ** (len(counts) - 1 - level)
        field = _one_level(*(_shrunk(image, factor) for image in images), field, count)
    return field, inverse_of(field)


def _one_level(fixed: sitk.Image, moving: sitk.Image, field: sitk.Image | None, count: int) -> sitk.Image:
    demons = sitk.DiffeomorphicDemonsRegistrationFilter()
    demons.SetNumberOfIterations(count)
    demons.SetSmoothDisplacementField(True)
    demons.SetStandardDeviations(_SIGMA)
    if field is None:
        return demons.Execute(fixed, moving)
    onto = (fixed, sitk.Transform(), sitk.sitkLinear, 0.0, sitk.sitkVectorFloat64, True)
    return demons.Execute(fixed, moving, sitk.Resample(field, *onto))


def _shrunk(image: sitk.Image, factor: int) -> sitk.Image:
    if factor == 1:
        return image
    factors = [factor if n >= 8 * factor else 1 for n in image.GetSize()]
    variances = [(0.5 * f * s) ** 2 if f > 1 else 0.0 for f, s in zip(factors, image.GetSpacing(), strict=True)]
    return sitk.Shrink(sitk.DiscreteGaussian(image, variances), factors)


if __name__ == "__main__":
    run(register, ["SimpleITK"])
