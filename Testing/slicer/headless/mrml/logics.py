"""The C++ module logics of slicer-core, by the names that scripts use: `slicer.modules.volumes.logic()`."""

from dataclasses import dataclass

import slicer

# attribute of slicer.modules, name of the module, class of its logic
LOGICS = (
    ("units", "Units", "vtkSlicerUnitsLogic"),
    ("subjecthierarchy", "SubjectHierarchy", "vtkSlicerSubjectHierarchyModuleLogic"),
    ("colors", "Colors", "vtkSlicerColorLogic"),
    ("volumes", "Volumes", "vtkSlicerVolumesLogic"),
    ("transforms", "Transforms", "vtkSlicerTransformLogic"),
    ("models", "Models", "vtkSlicerModelsLogic"),
    ("markups", "Markups", "vtkSlicerMarkupsLogic"),
    ("segmentations", "Segmentations", "vtkSlicerSegmentationsModuleLogic"),
    ("tables", "Tables", "vtkSlicerTablesLogic"),
    ("texts", "Texts", "vtkSlicerTextsLogic"),
    ("plots", "Plots", "vtkSlicerPlotsLogic"),
    ("sequences", "Sequences", "vtkSlicerSequencesLogic"),
    ("volumerendering", "VolumeRendering", "vtkSlicerVolumeRenderingLogic"),
    ("data", "Data", "vtkSlicerDataModuleLogic"),
)


@dataclass(frozen=True)
class ModuleLogic:
    """One module's logic with the names it goes by."""

    attribute: str
    name: str
    logic: object


def createModuleLogics(applicationLogic, scene):
    """Create every logic, tell it application logic and scene, and register it with the application logic."""
    return tuple(createModuleLogic(row, applicationLogic, scene) for row in LOGICS)


def createModuleLogic(row, applicationLogic, scene):
    """One logic; the colour logic is the application logic's own, since there must be a single one."""
    attribute, name, className = row
    logic = applicationLogic.GetColorLogic() if name == "Colors" else getattr(slicer, className)()
    if name != "Colors":
        logic.SetMRMLApplicationLogic(applicationLogic)
        logic.SetMRMLScene(scene)
    applicationLogic.SetModuleLogic(name, logic)
    return ModuleLogic(attribute, name, logic)
