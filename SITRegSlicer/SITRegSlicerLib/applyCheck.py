"""What a registration still lacks, in words: the tooltip of a disabled Apply, the error of a call from a script."""

import slicer
from sitreg_engine import contract

from .registrationRequest import Output, RegistrationRequest
from .transformNodes import isUnder, resultAbove


def whatIsMissing(request: RegistrationRequest) -> str:
    """One sentence that says what is missing or wrong; empty when the registration can begin."""
    checks = (
        *(_missingVolume, _unusableVolume, _unlikeLabels),
        *(_missingOutput, _uselessOutput, _clashingOutputs, _outputAboveInput),
    )
    return next((problem for check in checks if (problem := check(request))), "")


def _missingVolume(request: RegistrationRequest) -> str:
    if request.fixedVolume is None and request.movingVolume is None:
        return "Choose a fixed and a moving volume."
    if request.fixedVolume is None:
        return "Choose a fixed volume."
    if request.movingVolume is None:
        return "Choose a moving volume."
    if request.fixedVolume is request.movingVolume:
        return "Fixed and moving volume are the same: choose two different volumes."
    return ""


def _unusableVolume(request: RegistrationRequest) -> str:
    for role, volume in (("fixed", request.fixedVolume), ("moving", request.movingVolume)):
        image = volume.GetImageData()
        if image is None:
            return f"The {role} volume '{volume.GetName()}' has no voxels: load it or choose another."
        if min(image.GetDimensions()) < contract.LEAST_VOXELS:
            size = " x ".join(map(str, image.GetDimensions()))
            name, least = volume.GetName(), contract.LEAST_VOXELS
            return (
                f"The {role} volume '{name}' has fewer than {least} voxels along an axis ({size}): choose a 3-D volume."
            )
        if image.GetNumberOfScalarComponents() != 1:
            return f"The {role} volume '{volume.GetName()}' is in colour: choose one with a single value per voxel."
    return ""


def _unlikeLabels(request: RegistrationRequest) -> str:
    """Segments are compared by their names, label maps by their numbers: one of each cannot be."""
    fixed, moving = request.fixedLabels, request.movingLabels
    if None not in (fixed, moving) and _isSegmentation(fixed) != _isSegmentation(moving):
        return (
            f"'{fixed.GetName()}' and '{moving.GetName()}' are a segmentation and a label map, whose structures cannot "
            "be compared: convert one of them, or choose no fixed labels."
        )
    return ""


def _missingOutput(request: RegistrationRequest) -> str:
    return "" if request.wantedOutputs() else "Choose at least one output."


def _uselessOutput(request: RegistrationRequest) -> str:
    """The chosen warped labels can only become what the moving labels are."""
    chosen, moving = request.outputs.warpedLabels, request.movingLabels
    if isinstance(chosen, Output):
        return ""
    if moving is None:
        return f"'{chosen.GetName()}' is to hold warped labels, but there are no moving labels: choose some, or None."
    if _isSegmentation(chosen) != _isSegmentation(moving):
        kind = "a segmentation" if _isSegmentation(moving) else "a label map"
        return (
            f"'{chosen.GetName()}' cannot hold '{moving.GetName()}', which is {kind}: choose another output, or None."
        )
    return ""


def _isSegmentation(node) -> bool:
    return isinstance(node, slicer.vtkMRMLSegmentationNode)


def _clashingOutputs(request: RegistrationRequest) -> str:
    nodes = request.outputs.nodes()
    for node in nodes:
        if any(node is each for each in request.inputs()):
            return f"'{node.GetName()}' is an input and cannot be overwritten: choose another output."
        if sum(node is each for each in nodes) > 1:
            return f"'{node.GetName()}' is chosen for two outputs: choose another for one of them."
    return ""


def _outputAboveInput(request: RegistrationRequest) -> str:
    """What moves is taken out of an earlier result for the export; nothing else can lie under what gets overwritten."""
    moving = (request.movingVolume, request.movingMask, request.movingLabels)
    for output in request.outputs.nodes():
        for node in request.inputs():
            isReplaced = any(node is each for each in moving) and resultAbove(node) is output
            if isUnder(node, output) and not isReplaced:
                return (
                    f"'{node.GetName()}' lies under '{output.GetName()}', which would be overwritten: take it out of "
                    "that transform or choose another output."
                )
    return ""
