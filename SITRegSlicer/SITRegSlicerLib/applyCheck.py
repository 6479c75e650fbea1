"""What a registration still lacks, in words: the tooltip of a disabled Apply, the error of a call from a script."""

from sitreg_engine import contract

from .registrationRequest import Output, RegistrationRequest
from .transformNodes import isUnder, resultAbove


def whatIsMissing(request: RegistrationRequest) -> str:
    """One sentence that says what is missing or wrong; empty when the registration can begin."""
    checks = (_missingVolume, _unusableVolume, _missingOutput, _clashingOutputs, _outputAboveInput)
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


def _missingOutput(request: RegistrationRequest) -> str:
    if all(choice is Output.NONE for choice in vars(request.outputs).values()):
        return "Choose at least one output."
    return ""


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
