"""Steps that several tests of the module share."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
MODULE_FILE = ROOT / "SITRegSlicer" / "SITRegSlicer.py"

OUTPUTS = ("forwardTransform", "inverseTransform", "warpedVolume", "jacobianVolume")
REGISTRATION_SECONDS = 120  # a registration of the small pair takes a few
CANCEL_SECONDS = 20  # a worker that has not answered a Cancel by then has been ended

# Index -> world matrices (RAS mm, without origin) of volumes that are stored in awkward ways.
ORIENTATIONS = {
    "straight": np.diag([2.0, 2.5, 3.0]),
    "flipped": np.diag([-2.0, -2.5, 3.0]),
    "left-handed": np.diag([-2.0, 2.5, 3.0]),
    "oblique": np.array([[1.7, 0.9, 0.4], [-0.8, 2.2, 0.5], [-0.3, -0.7, 2.9]]),
}


def orthonormal(matrix):
    """The nearest matrix whose columns are at right angles, with the same spacing (oblique ones above are rough)."""
    spacing = np.linalg.norm(matrix, axis=0)
    u, _, v = np.linalg.svd(matrix / spacing)
    return (u @ v) * spacing


@dataclass
class Finished:
    """What a generator of steps said and gave."""

    texts: list[str]
    value: object


def runSteps(steps):
    """Run a generator of steps to its end."""
    texts = []
    while True:
        try:
            texts.append(next(steps))
        except StopIteration as end:
            return Finished(texts, end.value)


def addVolume(array, name="volume", matrix=None, origin=(0.0, 0.0, 0.0)):
    """A volume node from an array (k, j, i), with a 3x3 index -> RAS matrix in mm and an origin."""
    import slicer

    ijkToRas = np.eye(4)
    ijkToRas[:3, :3] = np.eye(3) if matrix is None else orthonormal(matrix)
    ijkToRas[:3, 3] = origin
    return slicer.util.addVolumeFromArray(array, ijkToRas, name)


def addSegmentation(volume, regions, name="segmentation"):
    """A segmentation on the voxels of a volume: {segment name: boolean array (k, j, i)}."""
    import slicer

    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", name)
    node.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    for segmentName, region in regions.items():
        segmentId = node.GetSegmentation().AddEmptySegment("", segmentName)
        slicer.util.updateSegmentBinaryLabelmapFromArray(region.astype(np.uint8), node, segmentId, volume)
    return node


def smoothNoise(shape, seed, sigma=3.0):
    """Smooth random values with unit spread, of any shape whose last three axes are spatial."""
    import SimpleITK as sitk

    values = np.random.default_rng(seed).standard_normal(shape)
    flat = values.reshape(-1, *shape[-3:])
    smooth = np.stack(
        [sitk.GetArrayFromImage(sitk.SmoothingRecursiveGaussian(sitk.GetImageFromArray(v), sigma)) for v in flat]
    )
    return (smooth / smooth.std()).reshape(shape)


def addLinearTransform(matrix, name="transform"):
    """A linear transform node from a 4x4 to-parent matrix (RAS mm)."""
    import slicer

    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", name)
    node.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(np.asarray(matrix, float)))
    return node


def rotation(degrees, axis=2, shift=(0.0, 0.0, 0.0)):
    """A 4x4 rotation about a world axis, then a shift in mm."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    matrix = np.eye(4)
    first, second = [n for n in range(3) if n != axis]
    matrix[first, first], matrix[first, second], matrix[second, first], matrix[second, second] = c, -s, s, c
    matrix[:3, 3] = shift
    return matrix


def chooseSyntheticPair(widget):
    """Add the small synthetic pair and choose it in the panel: (fixed, moving)."""
    from SITRegSlicerLib.selfTest import addSyntheticPair

    pair = addSyntheticPair()
    widget.ui.fixedVolumeSelector.setCurrentNode(pair[0])
    widget.ui.movingVolumeSelector.setCurrentNode(pair[1])
    return pair


def chooseQuickRegistration(widget):
    """Switch off what takes long in the engine: for tests of everything around it."""
    for selector, choice in ((widget.ui.affineSelector, "none"), (widget.ui.refineSelector, "0")):
        selector.setCurrentIndex(selector.findData(choice))


def nodeIds(scene):
    """The ids of all nodes of the scene."""
    return {scene.GetNthNode(n).GetID() for n in range(scene.GetNumberOfNodes())}


def temporaryFolders():
    """Folders of jobs that are there now."""
    import slicer

    return [path.name for path in Path(slicer.app.temporaryPath).glob("sitreg-*")]


def processState(processId):
    """The letter of Linux for what a process does ("T" = stopped, "Z" = dead); "" when it is not there."""
    try:
        with open(f"/proc/{processId}/stat", encoding="utf-8") as file:
            return file.read().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return ""


def alive(processId):
    """Whether a process runs; one that has ended but was not collected yet does not."""
    return processState(processId) not in ("", "Z", "X")


def applyTooltip(widget):
    """Why Apply is disabled."""
    assert not widget.ui.applyButton.enabled
    return widget.ui.applyButton.toolTip
