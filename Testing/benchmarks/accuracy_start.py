"""The common start of one pair: the affine map, and what peers register.

    python Testing/benchmarks/accuracy_start.py FIXED MOVING FIXED_LABELS MOVING_LABELS OUT [--masked]

Writes to OUT: affine.tfm (fixed to moving points), fixed.nrrd (the fixed image cut down to the labelled anatomy and
MARGIN around it), moving.nrrd (the moving image brought onto the same voxels by the affine), zero displacements as
forward.nrrd and inverse.nrrd (so that the start itself is scored like a method), report.json.

The alignment is the engine's, for everyone: one by SimpleITK (moments, then mutual information) lies 0.01 to 0.2 of
Dice below it on these pairs, and the peers would suffer. With --masked, what lies outside the labels is set to water
in the images that peers get.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from accuracy_labels import box_of, read_labels

from sitreg_engine import __version__
from sitreg_engine.affine.alignment import align
from sitreg_engine.inputs import read_mask, read_volume
from sitreg_engine.progress import Reporter
from sitreg_engine.scan import make_scan

MARGIN = 10.0  # mm
_WATER = 0.0  # Hounsfield


def main() -> None:
    args = _arguments()
    args.out.mkdir(parents=True, exist_ok=True)
    begun = time.perf_counter()
    affine = alignment_of(args.fixed, args.moving, (args.fixed_labels, args.moving_labels) if args.masked else None)
    seconds = time.perf_counter() - begun
    sitk.WriteTransform(affine, str(args.out / "affine.tfm"))
    labels = [read_labels(path) for path in (args.fixed_labels, args.moving_labels)]
    images = [sitk.ReadImage(path, sitk.sitkFloat32) for path in (args.fixed, args.moving)]
    if args.masked:
        images = [_cut_out(*both) for both in zip(images, labels, strict=True)]
    write_start(images, common_box(labels, affine), affine, args.out)
    report = {"seconds": seconds, "packages": {"sitreg": __version__}}
    (args.out / "report.json").write_text(json.dumps(report), encoding="utf-8")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("fixed", "moving", "fixed_labels", "moving_labels"):
        parser.add_argument(name)
    parser.add_argument("out", type=Path)
    parser.add_argument("--masked", action="store_true")
    return parser.parse_args()


def alignment_of(fixed: str, moving: str, masks: tuple[str, str] | None) -> sitk.AffineTransform:
    """The map of fixed to moving points (LPS mm) that `sitreg register` starts from. Reads files."""
    volumes = read_volume(fixed, "fixed image"), read_volume(moving, "moving image")
    inside = [read_mask(m, v.grid, "mask") for m, v in zip(masks, volumes, strict=True)] if masks else (None, None)
    reporter = Reporter()
    reporter.start("align", "Aligning the images")
    scans = [make_scan(volume, mask) for volume, mask in zip(volumes, inside, strict=True)]
    matrix = align(*scans, "auto", reporter).matrix
    return sitk.AffineTransform(matrix[:3, :3].ravel().tolist(), matrix[:3, 3].tolist())


def common_box(labels: list[sitk.Image], affine: sitk.Transform) -> sitk.Image:
    """The fixed label map cut down to the box around both anatomies, MARGIN wider where there is room."""
    fixed, moving = labels
    there = sitk.Resample(moving, fixed, affine, sitk.sitkNearestNeighbor, 0)
    low, size = box_of((fixed != 0) | (there != 0))
    wider = np.ceil(MARGIN / np.array(fixed.GetSpacing())).astype(int)
    start = np.maximum(low - wider, 0)
    stop = np.minimum(low + size + wider, fixed.GetSize())
    return sitk.RegionOfInterest(fixed, (stop - start).tolist(), start.tolist())


def write_start(images: list[sitk.Image], box: sitk.Image, affine: sitk.Transform, out: Path) -> None:
    """Both images on the voxels of `box`, and two fields without displacement."""
    fixed, moving = images
    onto = (box, sitk.Transform(), sitk.sitkNearestNeighbor, 0.0, sitk.sitkFloat32)
    sitk.WriteImage(sitk.Resample(fixed, *onto), str(out / "fixed.nrrd"))
    # Beyond its edge the moving image goes on as it ends there: a step to 0 would be an edge to register.
    there = sitk.Resample(moving, box, affine, sitk.sitkLinear, 0.0, sitk.sitkFloat32, True)
    sitk.WriteImage(there, str(out / "moving.nrrd"))
    nothing = sitk.Image(box.GetSize(), sitk.sitkVectorFloat32, 3)
    nothing.CopyInformation(box)
    for name in ("forward", "inverse"):
        sitk.WriteImage(nothing, str(out / f"{name}.nrrd"), True)


def _cut_out(image: sitk.Image, labels: sitk.Image) -> sitk.Image:
    return sitk.Mask(image, labels != 0, _WATER)


if __name__ == "__main__":
    main()
