"""What the peers have in common: files in, two displacement fields and a report out.

    .venv-peers/bin/python Testing/benchmarks/peers/NAME.py FIXED MOVING OUT [SETTING ...]

FIXED and MOVING are images on one grid. OUT receives forward.nrrd and inverse.nrrd, vector images (mm, LPS) on that
grid: forward takes points of FIXED to points of MOVING (the resampling direction), inverse takes them back.
report.json tells the seconds of the registration, both directions and reading included, but without the imports and
without writing the two files, and the versions of the packages.
"""

import importlib.metadata
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import SimpleITK as sitk

Register = Callable[[str, str, Path, Sequence[str]], tuple[sitk.Image, sitk.Image]]


def threads() -> int:
    """How many threads a method may use."""
    return int(os.environ.get("OMP_NUM_THREADS", "2"))


def run(register: Register, packages: Sequence[str]) -> None:
    """The whole of an adapter: `register(fixed, moving, folder, settings)` returns forward and inverse."""
    fixed, moving, out, *settings = sys.argv[1:]
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    begun = time.perf_counter()
    fields = register(fixed, moving, folder, settings)
    seconds = time.perf_counter() - begun
    for name, field in zip(("forward", "inverse"), fields, strict=True):
        _check(field, fixed)
        sitk.WriteImage(sitk.Cast(field, sitk.sitkVectorFloat32), str(folder / f"{name}.nrrd"))
    report = {"seconds": seconds, "packages": {name: importlib.metadata.version(name) for name in packages}}
    (folder / "report.json").write_text(json.dumps(report), encoding="utf-8")


def _check(field: sitk.Image, fixed: str) -> None:
    reader = sitk.ImageFileReader()
    reader.SetFileName(fixed)
    reader.ReadImageInformation()
    if field.GetSize() != reader.GetSize() or field.GetNumberOfComponentsPerPixel() != 3:
        raise ValueError(f"A field of {reader.GetSize()} voxels with 3 components was wanted, got {field.GetSize()}.")


def read(path: Path | str) -> sitk.Image:
    """An image file; vectors in double precision."""
    image = sitk.ReadImage(str(path))
    return sitk.Cast(image, sitk.sitkVectorFloat64) if image.GetNumberOfComponentsPerPixel() == 3 else image


def field_of(vectors: np.ndarray, like: sitk.Image) -> sitk.Image:
    """A field of vectors (K, J, I, 3), mm LPS, on the grid of an image."""
    field = sitk.GetImageFromArray(np.ascontiguousarray(vectors, dtype=np.float64), isVector=True)
    field.CopyInformation(like)
    return field


def inverse_of(field: sitk.Image) -> sitk.Image:
    """The inverse of a field by SimpleITK, for methods that find one direction alone."""
    return sitk.InvertDisplacementField(
        sitk.Cast(field, sitk.sitkVectorFloat64),
        maximumNumberOfIterations=50,
        maxErrorToleranceThreshold=0.01,
        meanErrorToleranceThreshold=0.001,
        enforceBoundaryCondition=False,
    )
