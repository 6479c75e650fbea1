"""The steps of a user on a small synthetic pair: the module's own test inside Slicer."""

import numpy as np

import slicer

from .registrationRequest import RequestError

SIZE = 36  # voxels along each side
SPACING = 3.5  # mm
PROBES = (
    (10.0, 5.0, -5.0),
    (-15.0, 0.0, 12.0),
    (0.0, -14.0, -10.0),
    (20.0, 8.0, 0.0),
)  # world points in the object, mm


def registerSyntheticPair(timeoutSeconds: float = 300.0) -> None:
    """Choose two volumes in the panel, click Apply, wait, check. Raises AssertionError when anything is wrong."""
    fixed, moving = addSyntheticPair()
    widget = slicer.util.getModuleWidget("SITRegSlicer")
    widget.ui.fixedVolumeSelector.setCurrentNode(fixed)
    widget.ui.movingVolumeSelector.setCurrentNode(moving)
    require(widget.ui.applyButton.enabled, f"Apply is disabled: {widget.ui.applyButton.toolTip}")
    widget.ui.applyButton.click()
    job = widget.logic.job
    waitForJob(job, timeoutSeconds)
    checkResult(job, fixed, moving)


def addSyntheticPair():
    """A textured ellipsoid and the same one bent by up to 6 mm: (fixed, moving)."""
    axis = (np.arange(SIZE) - (SIZE - 1) / 2) * SPACING  # mm
    z, y, x = np.meshgrid(axis, axis, axis, indexing="ij")
    points = np.stack([x, y, z])  # (3, k, j, i)
    fixed = _addVolume("SITReg test fixed", _intensity(points), axis[0])
    moving = _addVolume("SITReg test moving", _intensity(movingToFixed(points)), axis[0])
    return fixed, moving


def movingToFixed(points: np.ndarray) -> np.ndarray:
    """The deformation of the pair: points (3, ...) of the moving volume to the fixed one, world mm."""
    x, y, z = points
    bend = np.stack([4 * np.sin(y / 20) + 2, 3 * np.cos(z / 18), 4 * np.sin(x / 22)])
    return points + bend


def _intensity(points: np.ndarray) -> np.ndarray:
    """A bright ellipsoid with a dark one inside and a smooth texture, at points (3, ...) in mm."""
    x, y, z = points
    outer = (x / 46) ** 2 + (y / 38) ** 2 + (z / 42) ** 2  # 1 on the surface; half axes in mm
    inner = ((x - 10) / 14) ** 2 + ((y + 6) / 10) ** 2 + (z / 16) ** 2
    texture = 1 + 0.25 * np.sin(x / 5) * np.sin(y / 6) * np.sin(z / 5.5)
    return 100 * texture / (1 + np.exp(12 * (outer - 1))) - 50 / (1 + np.exp(6 * (inner - 1)))


def _addVolume(name: str, voxels: np.ndarray, origin: float):
    volume = slicer.util.addVolumeFromArray(voxels.astype(np.float32), name=name)
    volume.SetSpacing(SPACING, SPACING, SPACING)
    volume.SetOrigin(origin, origin, origin)
    return volume


def waitForJob(job, timeoutSeconds: float) -> None:
    """Let Slicer work until the job has ended. Raises AssertionError when it takes too long."""
    if job is None:
        raise RequestError("Apply did not start a registration.")
    while not job.ended and job.seconds < timeoutSeconds:
        slicer.app.processEvents()
    require(job.ended, f"The registration has not ended after {timeoutSeconds:.0f} s ({job.text}).")


def checkResult(job, fixed, moving) -> None:
    """Raises AssertionError unless all four outputs are there, fit, and undo the deformation of the pair."""
    result = job.result
    require(result is not None, f"The registration ended with: {job.error}\n{job.detail}")
    before, after = _meanDifference(fixed, moving), _meanDifference(fixed, result.warpedVolume)
    require(after < 0.5 * before, f"The mean difference went from {before:.2f} to {after:.2f} only.")
    require(float(slicer.util.arrayFromVolume(result.jacobianVolume).min()) > 0, "The deformation has folds.")
    for point in map(np.array, PROBES):
        there = _transformed(result.forwardTransform, point)
        missed = np.linalg.norm(movingToFixed(there) - point)
        require(missed < 1.5, f"The point {point} ends {missed:.1f} mm from where it belongs.")
        missed = np.linalg.norm(_transformed(result.inverseTransform, there) - point)
        require(missed < 0.3, f"The inverse transform misses the point {point} by {missed:.2f} mm.")


def _meanDifference(volume, other) -> float:
    return float(np.abs(slicer.util.arrayFromVolume(volume) - slicer.util.arrayFromVolume(other)).mean())


def _transformed(transformNode, point) -> np.ndarray:
    """A fixed (or moving) world point, mm, through the map that the node stores."""
    return np.array(transformNode.GetTransformFromParent().TransformPoint(point))


def require(condition: bool, message: str) -> None:
    """Raise AssertionError with the message unless the condition holds."""
    if not condition:
        raise AssertionError(message)
