"""Results brought into the scene: new nodes, chosen nodes, and nothing at all when something is wrong."""

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from moduleSteps import addLinearTransform, addVolume, nodeIds, rotation, runSteps


@pytest.fixture
def pair(scene):
    """A fixed and a moving volume with windows of their own."""
    volumes = addVolume(np.zeros((6, 7, 8), np.float32), "fixed"), addVolume(np.ones((6, 7, 8), np.float32), "moving")
    display = volumes[1].GetDisplayNode()
    display.AutoWindowLevelOff()
    display.SetWindowLevel(123, 45)
    return volumes


@pytest.fixture
def answer(tmp_path):
    """The engine's answer with four real files."""
    from sitreg_engine import contract

    vectors = sitk.GetImageFromArray(np.full((6, 7, 8, 3), 1.5), isVector=True)
    image = sitk.GetImageFromArray(np.random.default_rng(0).random((6, 7, 8), np.float32) + 0.5)
    files = {}
    for name, content in (("forward", vectors), ("inverse", -vectors), ("warped_moving", image), ("jacobian", image)):
        files[name] = str(tmp_path / f"{name}.nrrd")
        sitk.WriteImage(content, files[name])
    files["record"] = str(tmp_path / "result.json")
    measures = [contract.Measure("ncc", "Local correlation", 0.9, "")]
    return contract.Result("7", str(tmp_path), files, measures, {"align": 1.5}, "cpu", ["Careful."])


def importAll(pair, answer, **outputs):
    from SITRegSlicerLib.registrationRequest import OutputChoices, RegistrationRequest
    from SITRegSlicerLib.sceneImport import importSteps

    return importSteps(RegistrationRequest(*pair, OutputChoices(**outputs)), answer)


def testNewNodesAreNamedAfterBothVolumes(pair, answer):
    result = runSteps(importAll(pair, answer)).value
    names = [node.GetName() for node in list(vars(result).values())[:4]]
    assert names == [f"moving to fixed ({what})" for what in ("forward", "inverse", "warped", "Jacobian")]


def testMeasuresTimesDeviceAndWarningsArePassedOn(pair, answer):
    result = runSteps(importAll(pair, answer)).value
    assert (result.measures, result.seconds) == (answer.measures, answer.seconds)
    assert (result.device, result.warnings) == ("cpu", ["Careful."])


def testEveryLoadingStepIsAnnounced(pair, answer):
    assert runSteps(importAll(pair, answer)).texts == [
        "Loading the forward transform",
        "Loading the inverse transform",
        "Loading the warped volume",
        "Loading the Jacobian volume",
        "Showing the result",
    ]


@pytest.mark.parametrize("parent", [None, rotation(25, 1, (10, 20, 30))], ids=["alone", "moved"])
def testTheVolumesLieExactlyOnTheVoxelsOfTheFixedVolume(pair, answer, parent):
    """NIfTI files hold positions as float32."""
    import slicer

    fixed = pair[0]
    fixed.SetOrigin(-123.456789012, 45.678901234, 1234.56789)
    fixed.SetSpacing(0.9765625001, 1.123456789, 3.3333333333)
    if parent is not None:
        fixed.SetAndObserveTransformNodeID(addLinearTransform(parent).GetID())
    saved = sitk.GetImageFromArray(np.zeros((6, 7, 8), np.float32))
    exact = (np.eye(4) if parent is None else parent) @ matrixOf(fixed)
    lps = np.diag([-1.0, -1.0, 1.0]) @ exact[:3]
    saved.SetOrigin(lps[:, 3].tolist())
    saved.SetSpacing(np.linalg.norm(lps[:, :3], axis=0).tolist())
    saved.SetDirection((lps[:, :3] / saved.GetSpacing()).ravel().tolist())
    for key in ("warped_moving", "jacobian"):
        answer.outputs[key] = str(Path(answer.folder) / f"{key}.nii.gz")
        sitk.WriteImage(saved, answer.outputs[key])
    result = runSteps(importAll(pair, answer)).value
    assert np.abs(matrixOf(slicer.util.loadVolume(answer.outputs["jacobian"])) - exact).max() > 1e-7
    for volume in (result.warpedVolume, result.jacobianVolume):
        assert np.abs(matrixOf(volume) - exact).max() < 1e-10


def matrixOf(volume):
    """Index -> RAS, 4x4."""
    import vtk

    import slicer

    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    return slicer.util.arrayFromVTKMatrix(matrix)


def testEveryOutputKnowsTheVolumesThatItWasMadeFrom(pair, answer):
    from SITRegSlicerLib.transformNodes import isResult, linkedPair

    outputs = list(vars(runSteps(importAll(pair, answer)).value).values())[:4]
    assert all(isResult(node) and linkedPair(node) == pair for node in outputs)


def testNoNodeRemembersATemporaryFile(pair, answer):
    result = runSteps(importAll(pair, answer)).value
    assert [node.GetStorageNode() for node in list(vars(result).values())[:4]] == [None] * 4


def testTheWarpedVolumeIsShownLikeTheMovingVolume(pair, answer):
    display = runSteps(importAll(pair, answer)).value.warpedVolume.GetDisplayNode()
    assert (display.GetWindow(), display.GetLevel()) == (123, 45)


def testChosenNodesAreFilledInPlace(pair, answer, scene):
    import slicer

    forward = scene.AddNewNodeByClass("vtkMRMLGridTransformNode", "mine")
    warped = addVolume(np.zeros((2, 2, 2)), "also mine")
    result = runSteps(importAll(pair, answer, forwardTransform=forward, warpedVolume=warped)).value
    assert (result.forwardTransform, result.warpedVolume) == (forward, warped)
    assert (forward.GetName(), warped.GetName()) == ("mine", "also mine")
    assert forward.GetTransformFromParent().TransformPoint(0, 0, 0) == pytest.approx((-1.5, -1.5, 1.5))
    assert slicer.util.arrayFromVolume(warped).shape == (6, 7, 8)


def testAChosenNodeNoLongerHangsOnAnotherTransform(pair, answer, scene):
    forward = scene.AddNewNodeByClass("vtkMRMLGridTransformNode", "mine")
    forward.SetAndObserveTransformNodeID(addLinearTransform(rotation(30)).GetID())
    runSteps(importAll(pair, answer, forwardTransform=forward))
    assert forward.GetParentTransformNode() is None


def testUnwantedOutputsAreNotLoaded(pair, answer):
    from SITRegSlicerLib.registrationRequest import Output

    answer.outputs.pop("jacobian")
    result = runSteps(importAll(pair, answer, jacobianVolume=Output.NONE)).value
    assert result.jacobianVolume is None
    assert result.forwardTransform is not None


@pytest.mark.parametrize("damage", ["missing", "damaged", "not mentioned"])
def testAFileThatCannotBeLoadedLeavesTheSceneAsItWas(pair, answer, scene, damage):
    from SITRegSlicerLib.sceneImport import ImportFailure

    path = Path(answer.outputs["jacobian"])
    if damage == "not mentioned":
        answer.outputs.pop("jacobian")
    elif damage == "missing":
        path.unlink()
    else:
        path.write_bytes(b"NRRD0004\nno header")
    before = nodeIds(scene)
    with pytest.raises(ImportFailure, match="Jacobian"):
        runSteps(importAll(pair, answer))
    assert nodeIds(scene) == before


@pytest.mark.parametrize("stepsDone", [1, 2, 4, 5])
def testGivingUpHalfwayLeavesTheSceneAsItWas(pair, answer, scene, stepsDone):
    before = nodeIds(scene)
    steps = importAll(pair, answer)
    for _ in range(stepsDone):
        next(steps)
    steps.close()
    assert nodeIds(scene) == before


def testEveryOutputRemembersWhatWasDone(pair, answer):
    Path(answer.outputs["record"]).write_text('{"version": "é; 5:6 %20"}', encoding="utf-8")
    result = runSteps(importAll(pair, answer)).value
    records = {output.GetAttribute("SITReg.Record") for output in list(vars(result).values())[:4]}
    assert records == {'{"version": "é; 5:6 %20"}'}


def testWithoutARecordTheResultIsThereAllTheSame(pair, answer):
    forward = runSteps(importAll(pair, answer)).value.forwardTransform
    assert forward.GetAttribute("SITReg.Record") == ""
