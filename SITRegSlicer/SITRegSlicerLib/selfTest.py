"""The steps of a user on a small synthetic pair: the module's own test inside Slicer."""

import numpy as np

import slicer

from .registrationRequest import RequestError

SIZE = 40  # voxels along each side
SPACING = 3.0  # mm


def registerSyntheticPair(timeoutSeconds: float = 300.0) -> None:
    """Choose two volumes in the panel, click Apply, wait, check. Raises AssertionError when anything is wrong."""
    fixed, moving = addSyntheticPair()
    widget = slicer.util.getModuleWidget("SITRegSlicer")
    widget.ui.fixedVolumeSelector.setCurrentNode(fixed)
    widget.ui.movingVolumeSelector.setCurrentNode(moving)
    require(widget.ui.applyButton.enabled, f"Apply is disabled: {widget.ui.applyButton.toolTip}")
    widget.ui.applyButton.click()
    waitForJob(widget.logic.job, timeoutSeconds)
    checkResult(widget.logic.job, fixed, moving)


def addSyntheticPair():
    """The same two blobs twice, the second time 4 mm and 3 mm shifted and a bit larger: (fixed, moving)."""
    fixed = _addVolume("SITReg test fixed", (0.0, 0.0, 0.0), 1.0)
    moving = _addVolume("SITReg test moving", (4.0, -3.0, 0.0), 1.08)
    return fixed, moving


def _addVolume(name: str, shift: tuple[float, float, float], scale: float):
    """A bright ellipsoid with a dark one inside, around the world's origin, `shift` in mm."""
    axis = (np.arange(SIZE) - (SIZE - 1) / 2) * SPACING  # mm
    z, y, x = np.meshgrid(axis, axis, axis, indexing="ij")
    x, y, z = (x - shift[0]) / scale, (y - shift[1]) / scale, (z - shift[2]) / scale
    outer = (x / 42) ** 2 + (y / 34) ** 2 + (z / 38) ** 2  # 1 on the surface; half axes in mm
    inner = ((x - 10) / 14) ** 2 + ((y + 6) / 10) ** 2 + (z / 16) ** 2
    voxels = 100 / (1 + np.exp(12 * (outer - 1))) - 60 / (1 + np.exp(6 * (inner - 1)))
    volume = slicer.util.addVolumeFromArray(voxels.astype(np.float32), name=name)
    volume.SetSpacing(SPACING, SPACING, SPACING)
    volume.SetOrigin(axis[0], axis[0], axis[0])
    return volume


def waitForJob(job, timeoutSeconds: float) -> None:
    """Let Slicer work until the job has ended. Raises AssertionError when it takes too long."""
    if job is None:
        raise RequestError("Apply did not start a registration.")
    while not job.ended and job.seconds < timeoutSeconds:
        slicer.app.processEvents()
    require(job.ended, f"The registration has not ended after {timeoutSeconds:.0f} s ({job.text}).")


def checkResult(job, fixed, moving) -> None:
    """Raises AssertionError unless all four outputs are there, fit, and bring the volumes together."""
    result = job.result
    require(result is not None, f"The registration ended with: {job.error}\n{job.detail}")
    before = _meanDifference(fixed, moving)
    after = _meanDifference(fixed, result.warpedVolume)
    require(after < 0.5 * before, f"The mean difference went from {before:.2f} to {after:.2f} only.")
    require(float(slicer.util.arrayFromVolume(result.jacobianVolume).min()) > 0, "The deformation has folds.")
    there = _transformed(result.forwardTransform, (10.0, 5.0, -5.0))
    back = _transformed(result.inverseTransform, there)
    require(np.linalg.norm(back - (10.0, 5.0, -5.0)) < 0.1, "Forward and inverse transform do not fit.")


def _meanDifference(volume, other) -> float:
    return float(np.abs(slicer.util.arrayFromVolume(volume) - slicer.util.arrayFromVolume(other)).mean())


def _transformed(transformNode, point) -> np.ndarray:
    """A fixed (or moving) world point, mm, through the map that the node stores."""
    return np.array(transformNode.GetTransformFromParent().TransformPoint(point))


def require(condition: bool, message: str) -> None:
    """Raise AssertionError with the message unless the condition holds."""
    if not condition:
        raise AssertionError(message)
