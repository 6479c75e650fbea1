"""An image as another contrast would show it: bright fluid, dark white matter, dark outside, like T2 made of T1."""

import os
from pathlib import Path

import numpy as np
import SimpleITK as sitk

_BRIGHTEST = 99.0  # percentile of the head that becomes black
_FLUID = 1.05  # what black inside the head becomes, before the curve
_CURVE = 0.7  # exponent: contrasts are not just turned round, their distances change too


def t2_like(image: sitk.Image) -> sitk.Image:
    """int16, 0 to about 1000, on the same voxels; the head is what exceeds Otsu's threshold, closed and filled."""
    head = sitk.GetArrayFromImage(_head(image)) > 0
    array = sitk.GetArrayFromImage(sitk.Cast(image, sitk.sitkFloat32))
    shown = np.clip(array / np.percentile(array[head], _BRIGHTEST), 0, 1)
    turned = sitk.GetImageFromArray(np.where(head, 1000 * (_FLUID - shown) ** _CURVE, 0).astype(np.int16))
    turned.CopyInformation(image)
    return turned


def write_t2_like(image: Path, written: Path) -> None:
    """Made once: an existing file is left as it is."""
    if written.exists():
        return
    written.parent.mkdir(parents=True, exist_ok=True)
    temporary = written.with_name(f"partial_{os.getpid()}_{written.name}")
    sitk.WriteImage(t2_like(sitk.ReadImage(str(image))), str(temporary))
    os.replace(temporary, written)


def _head(image: sitk.Image) -> sitk.Image:
    smooth = sitk.SmoothingRecursiveGaussian(sitk.Cast(image, sitk.sitkFloat32), 2.0)
    closed = sitk.BinaryMorphologicalClosing(sitk.OtsuThreshold(smooth, 0, 1), (3, 3, 3))
    return sitk.BinaryFillhole(closed)
