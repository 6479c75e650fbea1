"""From the files of a result to nodes of the scene, in small steps between which Slicer stays responsive.

The engine writes LPS, the scene is RAS; Slicer's own readers turn the one into the other.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

import slicer
from sitreg_engine import contract

from .jacobianDisplay import setUpJacobianDisplay
from .labelImport import likeSource
from .registrationRequest import Output, OutputChoice, RegistrationRequest
from .straightGrid import voxelsToWorld
from .transformNodes import linkToPair, linkTransforms, useLinearInterpolation

_SAME_PLACE = 1e-3  # mm, and of a step: what float32 in a file's header makes of a place
RECORD_ATTRIBUTE = "SITReg.Record"  # of every output, saved with the scene: the engine's result.json


@dataclass(frozen=True)
class RegistrationResult:
    """What a registration left in the scene (None for outputs that were not wanted) and what was measured."""

    forwardTransform: slicer.vtkMRMLGridTransformNode | None
    inverseTransform: slicer.vtkMRMLGridTransformNode | None
    warpedVolume: slicer.vtkMRMLScalarVolumeNode | None
    jacobianVolume: slicer.vtkMRMLScalarVolumeNode | None
    warpedLabels: slicer.vtkMRMLDisplayableNode | None = None  # a segmentation or a label map, as the moving labels are
    measures: list[contract.Measure] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)  # stage -> seconds
    device: str = ""
    warnings: list[str] = field(default_factory=list)


class ImportFailure(RuntimeError):
    """A result that could not be brought into the scene; its text is one clear line."""


def importSteps(
    request: RegistrationRequest, answer: contract.Result, names: Sequence[str] = ()
) -> Generator[str, None, RegistrationResult]:
    """Bring the files of a result into the scene; yields a line of text before each step.

    `names` of the segments as they were exported: number n of warped labels is names[n - 1].

    Nothing that the user chose is touched before every file is loaded: closing the generator, or a failure,
    leaves the scene as it was. Raises ImportFailure.
    """
    loaded = {}
    try:
        for name in request.wantedOutputs():
            yield f"Loading {_OUTPUTS[name].text}"
            loaded[name] = _load(answer, _OUTPUTS[name])
            if not _OUTPUTS[name].isTransform:
                _onVoxelsOf(request.fixedVolume, loaded[name])
        if "warpedLabels" in loaded:
            loaded["warpedLabels"] = likeSource(loaded["warpedLabels"], request.movingLabels, names)
        yield "Showing the result"
        record = _readRecord(answer)
    except BaseException:
        for node in loaded.values():
            _remove(node)
        raise
    titles = {name: _title(request, _OUTPUTS[name].suffix) for name in loaded}
    nodes = {name: _place(node, getattr(request.outputs, name), titles[name]) for name, node in loaded.items()}
    result = _result(nodes, answer)
    _dress(request, result)
    for node in nodes.values():
        node.SetAttribute(RECORD_ATTRIBUTE, record)
    return result


@dataclass(frozen=True)
class _OutputKind:
    key: str  # in the engine's answer
    text: str
    suffix: str  # of a new node's name
    nodeClass: type

    @property
    def isTransform(self) -> bool:
        return issubclass(self.nodeClass, slicer.vtkMRMLTransformNode)


_GRID, _VOLUME = slicer.vtkMRMLGridTransformNode, slicer.vtkMRMLScalarVolumeNode
_OUTPUTS = {
    "forwardTransform": _OutputKind("forward", "the forward transform", "forward", _GRID),
    "inverseTransform": _OutputKind("inverse", "the inverse transform", "inverse", _GRID),
    "warpedVolume": _OutputKind("warped_moving", "the warped volume", "warped", _VOLUME),
    "jacobianVolume": _OutputKind("jacobian", "the Jacobian volume", "Jacobian", _VOLUME),
    "warpedLabels": _OutputKind("warped_labels", "the warped labels", "labels", slicer.vtkMRMLLabelMapVolumeNode),
}


def _load(answer: contract.Result, kind: _OutputKind):
    """The node of one result file, which knows nothing of that file: it is about to be removed.

    Read by the storage nodes themselves. Slicer's load functions would show a dialog that handles clicks, Cancel among
    them, in the middle of this, and name the file in the menu of recent files.
    """
    path = answer.outputs.get(kind.key)
    if path is None:
        raise ImportFailure(f"The engine's result lacks {kind.text}: the log tells what it did.")
    node = kind.nodeClass()
    if kind.isTransform:
        storage = slicer.vtkMRMLTransformStorageNode()
    else:
        storage = slicer.vtkMRMLVolumeArchetypeStorageNode()
        storage.SetSingleFile(True)
    storage.SetFileName(path)
    if not storage.ReadData(node):
        raise ImportFailure(f"Slicer could not load {kind.text} from {path}: see its error log.")
    node.SetName(kind.suffix)
    slicer.mrmlScene.AddNode(node)
    if not kind.isTransform:
        node.CreateDefaultDisplayNodes()
    return node


def _onVoxelsOf(fixedVolume, volume) -> None:
    """Put a volume exactly where the fixed one lies, when it lies there but for the rounding of its file's header.

    SimpleITK and others refuse to compute with two volumes that are a few nanometres apart.
    """
    parent = fixedVolume.GetParentTransformNode()
    if parent is not None and not parent.IsTransformToWorldLinear():
        return
    exact, found = voxelsToWorld(fixedVolume), voxelsToWorld(volume)
    sizes = [node.GetImageData().GetDimensions() for node in (fixedVolume, volume)]
    if sizes[0] == sizes[1] and np.abs(exact - found).max() < _SAME_PLACE:
        volume.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(exact))


def _readRecord(answer: contract.Result) -> str:
    """What was done, by which version, with which settings, and every measure; empty where it cannot be read."""
    try:
        return Path(answer.outputs["record"]).read_text(encoding="utf-8")
    except (KeyError, OSError):
        return ""


def _title(request: RegistrationRequest, what: str) -> str:
    return f"{request.movingVolume.GetName()} to {request.fixedVolume.GetName()} ({what})"


def _place(loaded, choice: OutputChoice, name: str):
    """The loaded node under its new name, or its content in the node that the user chose."""
    if choice is Output.NEW:
        loaded.SetName(slicer.mrmlScene.GenerateUniqueName(name))
        return loaded
    if isinstance(choice, slicer.vtkMRMLTransformNode):
        choice.SetAndObserveTransformFromParent(loaded.GetTransformFromParent())
    elif isinstance(choice, slicer.vtkMRMLSegmentationNode):
        choice.SetAndObserveSegmentation(loaded.GetSegmentation())
        choice.CreateDefaultDisplayNodes()
    else:
        choice.SetAndObserveImageData(loaded.GetImageData())
        choice.CopyOrientation(loaded)
        choice.CreateDefaultDisplayNodes()
    choice.SetAndObserveTransformNodeID(None)  # results lie in the world; a parent would move them once more
    _remove(loaded)
    return choice


def _remove(node) -> None:
    displayNodes = [node.GetNthDisplayNode(n) for n in range(node.GetNumberOfDisplayNodes())]
    for each in [*displayNodes, node]:
        if each is not None:
            slicer.mrmlScene.RemoveNode(each)


def _result(nodes: dict, answer: contract.Result) -> RegistrationResult:
    return RegistrationResult(
        forwardTransform=nodes.get("forwardTransform"),
        inverseTransform=nodes.get("inverseTransform"),
        warpedVolume=nodes.get("warpedVolume"),
        jacobianVolume=nodes.get("jacobianVolume"),
        warpedLabels=nodes.get("warpedLabels"),
        measures=answer.measures,
        seconds=answer.seconds,
        device=answer.device,
        warnings=answer.warnings,
    )


def _dress(request: RegistrationRequest, result: RegistrationResult) -> None:
    """Links, interpolation, colours."""
    transforms = [node for node in (result.forwardTransform, result.inverseTransform) if node is not None]
    for node in transforms:
        useLinearInterpolation(node)
    pair = request.fixedVolume, request.movingVolume
    linkTransforms(result.forwardTransform, result.inverseTransform, *pair)
    onVoxels = result.warpedVolume, result.jacobianVolume, result.warpedLabels
    linkToPair([node for node in onVoxels if node is not None], *pair)
    if result.warpedVolume is not None:
        _copyWindow(request.movingVolume, result.warpedVolume)
    if result.jacobianVolume is not None:
        setUpJacobianDisplay(result.jacobianVolume)


def _copyWindow(source, target) -> None:
    """Show the warped volume with the same grey values as the moving one."""
    shown, display = source.GetDisplayNode(), target.GetDisplayNode()
    if shown is None or display is None:
        return
    display.AutoWindowLevelOff()
    display.SetWindowLevel(shown.GetWindow(), shown.GetLevel())
    display.SetAndObserveColorNodeID(shown.GetColorNodeID())
