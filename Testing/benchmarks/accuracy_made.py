"""Images made of others: a head as T2 would show it, one of which the brain alone is left, and a slab of one."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import SimpleITK as sitk

_BRIGHTEST = 99.0  # percentile of the head that becomes black
_FLUID = 1.05  # what black inside the head becomes, before the curve
_CURVE = 0.7  # exponent: contrasts are not just turned round, their distances change too


def write_once(written: Path, make: Callable[[], sitk.Image]) -> None:
    """An existing file is left as it is; a new one is whole or not there."""
    if written.exists():
        return
    written.parent.mkdir(parents=True, exist_ok=True)
    temporary = written.with_name(f"partial_{os.getpid()}_{written.name}")
    sitk.WriteImage(make(), str(temporary))
    os.replace(temporary, written)


def stripped(image: sitk.Image, labels: sitk.Image) -> sitk.Image:
    """The same image, 0 wherever the labels (closed over three voxels, holes filled) show no brain."""
    brain = sitk.BinaryFillhole(sitk.BinaryMorphologicalClosing(labels > 0, (3, 3, 3)))
    return sitk.Mask(image, brain)


def slab(image: sitk.Image, planes: int) -> sitk.Image:
    """The `planes` in the middle along the third axis."""
    first = (image.GetSize()[2] - planes) // 2
    return image[:, :, first : first + planes]


def t2_like(image: sitk.Image) -> sitk.Image:
    """As another contrast: bright fluid, dark white matter, dark outside.

    int16, 0 to about 1000, on the same voxels; the head is what exceeds Otsu's threshold, closed and filled.
    """
    head = sitk.GetArrayFromImage(_head(image)) > 0
    array = sitk.GetArrayFromImage(sitk.Cast(image, sitk.sitkFloat32))
    shown = np.clip(array / np.percentile(array[head], _BRIGHTEST), 0, 1)
    turned = sitk.GetImageFromArray(np.where(head, 1000 * (_FLUID - shown) ** _CURVE, 0).astype(np.int16))
    turned.CopyInformation(image)
    return turned


def _head(image: sitk.Image) -> sitk.Image:
    smooth = sitk.SmoothingRecursiveGaussian(sitk.Cast(image, sitk.sitkFloat32), 2.0)
    closed = sitk.BinaryMorphologicalClosing(sitk.OtsuThreshold(smooth, 0, 1), (3, 3, 3))
    return sitk.BinaryFillhole(closed)
