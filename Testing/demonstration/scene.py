"""The result in a Slicer scene, made by the extension's own code in the headless Slicer of the tests, and pictures."""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from deformation import Truth
from phantom import Files

from sitreg_engine.contract import Result

ROOT = Path(__file__).resolve().parents[2]
VIEWS = ("Red", "Green")  # axial, coronal
OPACITY = 0.6  # of the Jacobian over the fixed volume


# Where the slices are laid: ventricles, thalamus, caudate and putamen lie on both. Fixed LPS, mm.
CENTRE = np.array([0.0, 4.0, 11.0])


@dataclass(frozen=True)
class Picture:
    """What is shown together, and the point (LPS, mm) on which the views are centred."""

    name: str
    centre: np.ndarray
    background: object  # volume node
    foreground: object = None


def write_scene(files: Files, truth: Truth, result: Result, folder: Path) -> None:
    """Write scene.mrb, which opens with the overlay, and one PNG per picture and one of all, into `folder`."""
    slicer = _start_slicer()
    from SITRegSlicerLib.jacobianDisplay import showOverlay
    from SITRegSlicerLib.registrationRequest import RegistrationRequest
    from SITRegSlicerLib.sceneImport import importSteps

    fixed, moving = (slicer.util.loadVolume(str(path), {"show": False}) for path in (files.fixed, files.moving))
    labels = slicer.util.loadLabelVolume(str(files.moving_labels), {"show": False, "name": "moving labels"})
    nodes = _end(importSteps(RegistrationRequest(fixed, moving, movingLabels=labels), result))
    pictures = [
        Picture("moving", truth.to_moving(CENTRE), moving),
        Picture("fixed", CENTRE, fixed),
        Picture("warped", CENTRE, nodes.warpedVolume),
        Picture("jacobian", CENTRE, fixed, nodes.jacobianVolume),
    ]
    columns = []
    for picture in pictures:
        showOverlay(picture.background, picture.foreground, OPACITY)
        slicer.util.resetSliceViews()
        for node in slicer.util.getNodesByClass("vtkMRMLSliceNode"):
            node.JumpSliceByOffsetting(*(picture.centre * (-1, -1, 1)))  # the scene is RAS
        columns.append(_column(picture.name, folder))
    _save(np.concatenate(columns, axis=1), folder / "overview.png")
    slicer.util.saveScene(str(folder / "scene.mrb"))  # the last picture, the overlay, is what it opens with


def _start_slicer():
    """The headless Slicer, with the extension's library importable as it is in Slicer."""
    sys.path[:0] = [str(ROOT / "Testing" / "slicer"), str(ROOT / "SITRegSlicer")]
    import headless

    headless.start()
    import slicer

    return slicer


def _end(steps):
    """What a generator of steps returns."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def _column(name: str, folder: Path) -> np.ndarray:
    """The views below each other, saved under `name`; (rows, columns, 3) uint8."""
    import headless

    headless.processEvents()
    parts = []
    for view in VIEWS:
        path = folder / f"{name}-{view}.png"
        headless.sliceViewPng(view, str(path))
        parts.append(sitk.GetArrayFromImage(sitk.ReadImage(str(path)))[..., :3])
        path.unlink()
    column = np.concatenate(parts, axis=0)
    _save(column, folder / f"{name}.png")
    return column


def _save(picture: np.ndarray, path: Path) -> None:
    sitk.WriteImage(sitk.GetImageFromArray(np.ascontiguousarray(picture), isVector=True), str(path))
