"""All choices of the panel; they live in a node of the scene and are saved with it."""

from typing import Annotated

from slicer.parameterNodeWrapper import WithinRange, parameterNodeWrapper

import slicer

from .registrationRequest import Output, OutputChoices, RegistrationRequest

OUTPUT_NAMES = ("forwardTransform", "inverseTransform", "warpedVolume", "jacobianVolume", "warpedLabels")


@parameterNodeWrapper
class RegistrationParameters:
    """The panel's choices, typed. Nodes are None when not chosen."""

    fixedVolume: slicer.vtkMRMLScalarVolumeNode
    movingVolume: slicer.vtkMRMLScalarVolumeNode
    model: str = "sitreg"
    device: str = "auto"
    forwardTransform: slicer.vtkMRMLGridTransformNode
    inverseTransform: slicer.vtkMRMLGridTransformNode
    warpedVolume: slicer.vtkMRMLScalarVolumeNode
    jacobianVolume: slicer.vtkMRMLScalarVolumeNode
    warpedLabels: slicer.vtkMRMLDisplayableNode
    affine: str = "auto"
    refine: str = "auto"
    workingSpacing: Annotated[float, WithinRange(0.0, 20.0)] = 0.0  # mm; 0 = chosen by the engine
    fixedMask: slicer.vtkMRMLDisplayableNode
    movingMask: slicer.vtkMRMLDisplayableNode
    fixedLabels: slicer.vtkMRMLDisplayableNode
    movingLabels: slicer.vtkMRMLDisplayableNode
    overlayOpacity: Annotated[float, WithinRange(0.0, 1.0)] = 0.5


def chosenOutputs(parameters: RegistrationParameters) -> OutputChoices:
    """The outputs as chosen. When none is chosen, all are made new: what a first run should do.

    Whoever has chosen moving labels wants them carried over, whatever else is wanted.
    """
    nodes = {name: getattr(parameters, name) for name in OUTPUT_NAMES}
    missing = Output.NEW if all(node is None for node in nodes.values()) else Output.NONE
    choices = {name: missing if node is None else node for name, node in nodes.items()}
    if nodes["warpedLabels"] is None:
        choices["warpedLabels"] = Output.NEW
    return OutputChoices(**choices)


def requestOf(parameters: RegistrationParameters) -> RegistrationRequest:
    """The registration that the parameters ask for."""
    return RegistrationRequest(
        fixedVolume=parameters.fixedVolume,
        movingVolume=parameters.movingVolume,
        outputs=chosenOutputs(parameters),
        model=parameters.model,
        device=parameters.device,
        affine=parameters.affine,
        refine=parameters.refine,
        workingSpacing=parameters.workingSpacing,
        fixedMask=parameters.fixedMask,
        movingMask=parameters.movingMask,
        fixedLabels=parameters.fixedLabels,
        movingLabels=parameters.movingLabels,
    )
