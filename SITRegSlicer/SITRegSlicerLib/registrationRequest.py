"""What is to be registered and what shall come out of it."""

import enum
from dataclasses import dataclass

import slicer


class Output(enum.Enum):
    """What an output can be, besides a node of the scene that is overwritten."""

    NEW = "a new node"
    NONE = "not wanted"


OutputChoice = slicer.vtkMRMLNode | Output


@dataclass(frozen=True)
class OutputChoices:
    """Where the results go."""

    forwardTransform: OutputChoice = Output.NEW  # brings the moving volume onto the fixed one
    inverseTransform: OutputChoice = Output.NEW  # brings the fixed volume onto the moving one
    warpedVolume: OutputChoice = Output.NEW  # the moving volume on the fixed volume's voxels
    jacobianVolume: OutputChoice = Output.NEW  # local volume change, on the fixed volume's voxels
    warpedLabels: OutputChoice = Output.NEW  # the moving labels there, where there are any

    def nodes(self) -> list[slicer.vtkMRMLNode]:
        """The nodes of the scene that will be overwritten."""
        return [choice for choice in vars(self).values() if not isinstance(choice, Output)]


@dataclass(frozen=True)
class RegistrationRequest:
    """One registration of two volumes of the scene; masks and labels are segmentations or label maps."""

    fixedVolume: slicer.vtkMRMLScalarVolumeNode
    movingVolume: slicer.vtkMRMLScalarVolumeNode
    outputs: OutputChoices = OutputChoices()
    model: str = "sitreg"
    device: str = "auto"  # auto | cpu | cuda | cuda:N
    affine: str = "auto"  # auto | rigid | none | path of an ITK transform file
    refine: str = "auto"  # auto | steps per resolution ("0" = off) | seconds: "60s"
    workingSpacing: float = 0.0  # mm; 0 = chosen by the engine
    fixedMask: slicer.vtkMRMLDisplayableNode | None = None
    movingMask: slicer.vtkMRMLDisplayableNode | None = None
    fixedLabels: slicer.vtkMRMLDisplayableNode | None = None
    movingLabels: slicer.vtkMRMLDisplayableNode | None = None

    def wantedOutputs(self) -> dict[str, OutputChoice]:
        """Name -> choice of every output that will be made."""
        made = {name: choice for name, choice in vars(self.outputs).items() if choice is not Output.NONE}
        if self.movingLabels is None:
            made.pop("warpedLabels", None)
        return made

    def inputs(self) -> list[slicer.vtkMRMLNode]:
        """Every node that is read."""
        nodes = (self.fixedVolume, self.movingVolume, self.fixedMask, self.movingMask)
        return [node for node in (*nodes, self.fixedLabels, self.movingLabels) if node is not None]


class RequestError(ValueError):
    """A request that cannot be carried out; its text is one clear line."""
