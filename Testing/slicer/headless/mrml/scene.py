"""Start of the MRML scene and its logics, in the order in which Slicer does it."""

from dataclasses import dataclass
from pathlib import Path

import vtk

import slicer

from .colors import writeColorFiles
from .hierarchy import SubjectHierarchyMirror
from .logics import ModuleLogic, createModuleLogics


@dataclass(frozen=True)
class SceneParts:
    """What must stay alive as long as the scene: VTK holds some of it by plain pointers."""

    scene: object
    applicationLogic: object
    cacheManager: object
    dataIOManager: object
    hierarchyMirror: SubjectHierarchyMirror
    moduleLogics: tuple[ModuleLogic, ...]
    home: Path


def createScene(home):
    """A scene with application logic, default nodes and module logics; `home` is a writable folder."""
    scene = slicer.vtkMRMLScene()
    slicer.mrmlScene = scene
    applicationLogic = createApplicationLogic(scene, home)
    cacheManager, dataIOManager = createDataIO(scene, home)
    scene.SetRootDirectory(str(home))
    moduleLogics = createModuleLogics(applicationLogic, scene)
    addDefaultNodes(scene)
    mirror = SubjectHierarchyMirror(scene)
    return SceneParts(scene, applicationLogic, cacheManager, dataIOManager, mirror, moduleLogics, home)


def createApplicationLogic(scene, home):
    """The application logic with its colour nodes, and the collections that views register in."""
    logic = slicer.vtkSlicerApplicationLogic()
    logic.SetHomeDirectory(str(home))
    logic.SetShareDirectory("share")
    logic.SetTemporaryPath(str(home))
    logic.SetSliceLogics(vtk.vtkCollection())
    logic.SetViewLogics(vtk.vtkCollection())
    writeColorFiles(home / "share" / "ColorFiles")
    logic.SetMRMLScene(scene)
    colorLogic = slicer.vtkSlicerColorLogic()  # the base class, which is the default, reads no colour files
    colorLogic.SetMRMLApplicationLogic(logic)
    logic.SetColorLogic(colorLogic)
    colorLogic.SetMRMLScene(scene)
    for factory in (
        slicer.vtkMRMLThreeDViewDisplayableManagerFactory,
        slicer.vtkMRMLSliceViewDisplayableManagerFactory,
    ):
        factory.GetInstance().SetMRMLApplicationLogic(logic)
    return logic


def createDataIO(scene, home):
    """Cache and data transfer managers: reading a .mrb asks for them."""
    folder = home / "cache"
    folder.mkdir(parents=True, exist_ok=True)
    cacheManager = slicer.vtkCacheManager()
    cacheManager.SetRemoteCacheDirectory(str(folder))
    dataIOManager = slicer.vtkDataIOManager()
    dataIOManager.SetCacheManager(cacheManager)
    scene.SetCacheManager(cacheManager)
    scene.SetDataIOManager(dataIOManager)
    return cacheManager, dataIOManager


def addDefaultNodes(scene):
    """The nodes that exist in Slicer before a user does anything, beside the colours, which their logic adds."""
    crosshair = slicer.vtkMRMLCrosshairNode()
    crosshair.SetCrosshairName("default")
    scene.AddNode(crosshair)
    slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(scene, True)
