"""Registrations from Apply to nodes in the scene, with the real worker, and everything that can come in between."""

import os
import signal
import time

import numpy as np
import pytest
from moduleSteps import (
    MODULE_FILE,
    addVolume,
    chooseQuickRegistration,
    chooseSyntheticPair,
    nodeIds,
    temporaryFolders,
)

SECONDS = 120  # a registration of the small pair takes a few
CANCEL_SECONDS = 20  # a worker that has not answered by then has been ended
OUTPUTS = ("forwardTransform", "inverseTransform", "warpedVolume", "jacobianVolume")


@pytest.fixture
def widget(loadModule, waitUntil):
    """The module's panel; its worker has ended when the test is over."""
    widget = loadModule(MODULE_FILE).widget
    yield widget
    worker = widget.logic.worker
    worker.kill()
    waitUntil(lambda: not worker.running, 5)


@pytest.fixture
def quick(widget):
    """The panel with the small pair chosen, and settings with which the engine takes a second: (fixed, moving)."""
    chooseQuickRegistration(widget)
    return chooseSyntheticPair(widget)


@pytest.fixture
def apply(widget, waitUntil):
    """Function that clicks Apply, waits for the end and returns the job."""

    def clickAndWait():
        assert widget.ui.applyButton.enabled, widget.ui.applyButton.toolTip
        widget.ui.applyButton.click()
        job = widget.logic.job
        waitUntil(lambda: job.ended, SECONDS)
        return job

    return clickAndWait


def waitForState(waitUntil, job, state):
    waitUntil(lambda: job.ended or job.state == state, SECONDS)
    assert job.state == state, f"{job.state}: {job.error}\n{job.detail}"


def processState(processId):
    """The letter of Linux for what a process does ("T" = stopped, "Z" = dead); "" when it is not there."""
    try:
        with open(f"/proc/{processId}/stat") as file:
            return file.read().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return ""


def alive(processId):
    return processState(processId) not in ("", "Z", "X")


# ---- a registration that goes well


def testApplyEndsWithFourNewNodesThatFit(widget, apply, scene):
    from SITRegSlicerLib.selfTest import checkResult

    fixed, moving = chooseSyntheticPair(widget)
    job = apply()
    checkResult(job, fixed, moving)
    for name in OUTPUTS:
        node = getattr(widget.ui, f"{name}Selector").currentNode()
        assert node is getattr(job.result, name)
        assert scene.IsNodePresent(node)
    assert job.result.forwardTransform.GetClassName() == "vtkMRMLGridTransformNode"
    assert job.result.measures
    assert widget.ui.progressBar.value == 100
    assert widget.ui.statusLabel.text.startswith("Done")
    assert temporaryFolders() == []


def testTheWarpedVolumeLiesOnTheVoxelsOfTheFixedOne(quick, apply):
    import vtk

    import slicer

    fixed, _ = quick
    result = apply().result
    for volume in (result.warpedVolume, result.jacobianVolume):
        matrices = vtk.vtkMatrix4x4(), vtk.vtkMatrix4x4()
        for node, matrix in zip((fixed, volume), matrices, strict=True):
            node.GetIJKToRASMatrix(matrix)
        fixedMatrix, matrix = map(slicer.util.arrayFromVTKMatrix, matrices)
        assert np.allclose(matrix, fixedMatrix, atol=1e-4)
        assert volume.GetImageData().GetDimensions() == fixed.GetImageData().GetDimensions()


def testTheWarpedVolumeIsTheMovingVolumeThroughTheForwardTransform(widget, quick, apply):
    import vtk
    from vtk.util.numpy_support import vtk_to_numpy

    import slicer

    fixed, moving = quick
    widget.ui.affineSelector.setCurrentIndex(widget.ui.affineSelector.findData("rigid"))  # something must move
    result = apply().result
    warped = slicer.util.arrayFromVolume(result.warpedVolume)
    source, reference, there = (slicer.vtkOrientedImageData() for _ in range(3))
    for volume, oriented in ((moving, source), (fixed, reference)):
        matrix = vtk.vtkMatrix4x4()
        volume.GetIJKToRASMatrix(matrix)
        oriented.ShallowCopy(volume.GetImageData())
        oriented.SetGeometryFromImageToWorldMatrix(matrix)
    resample = slicer.vtkOrientedImageDataResample.ResampleOrientedImageToReferenceOrientedImage
    assert resample(source, reference, there, True, False, result.forwardTransform.GetTransformToParent())
    through = vtk_to_numpy(there.GetPointData().GetScalars()).reshape(warped.shape)
    inner = (slice(4, -4),) * 3  # both treat the outside in their own way
    assert np.abs(through - warped)[inner].max() < 1.0  # of 100


def testTheSecondRegistrationUsesTheSameProcessAndTheSameNodes(widget, quick, apply, scene):
    first = apply()
    processId, before = widget.logic.worker.processId, nodeIds(scene)
    second = apply()
    assert widget.logic.worker.processId == processId
    assert nodeIds(scene) == before
    for name in OUTPUTS:
        assert getattr(second.result, name) is getattr(first.result, name)


def testOnlyTheChosenOutputsAreMade(widget, quick, apply, scene):
    forward = widget.ui.forwardTransformSelector.addNode()
    before = nodeIds(scene)
    job = apply()
    assert job.result.forwardTransform is forward
    assert (job.result.inverseTransform, job.result.warpedVolume, job.result.jacobianVolume) == (None, None, None)
    assert nodeIds(scene) == before
    assert forward.GetTransformFromParent().TransformPoint(0, 0, 0) != (0, 0, 0)


def testAnExistingVolumeIsOverwrittenAndKeepsItsName(widget, quick, apply):
    import slicer

    fixed, _ = quick
    mine = addVolume(np.ones((3, 3, 3), np.float32), "mine")
    widget.ui.warpedVolumeSelector.setCurrentNode(mine)
    assert apply().result.warpedVolume is mine
    assert mine.GetName() == "mine"
    assert slicer.util.arrayFromVolume(mine).shape == slicer.util.arrayFromVolume(fixed).shape


def testWhileItRunsApplyIsOffCancelIsOnAndTheBarMovesForward(widget, quick, waitUntil):
    widget.ui.applyButton.click()
    job = widget.logic.job
    fractions, texts = [], []
    job.whenChanged(lambda job: (fractions.append(job.fraction), texts.append(widget.ui.statusLabel.text)))
    assert not widget.ui.applyButton.enabled
    assert "running" in widget.ui.applyButton.toolTip
    assert widget.ui.cancelButton.enabled
    waitUntil(lambda: job.ended, SECONDS)
    assert fractions == sorted(fractions)
    assert len(set(texts)) >= 6  # export, start, the engine's stages, load
    assert widget.ui.applyButton.enabled
    assert not widget.ui.cancelButton.enabled


def testSlicerStaysResponsive(widget, quick, waitUntil):
    import qt

    ticks = []
    timer = qt.QTimer()
    timer.connect("timeout()", lambda: ticks.append(time.monotonic()))
    timer.start(10)
    widget.ui.applyButton.click()
    job = widget.logic.job
    waitUntil(lambda: job.ended, SECONDS)
    timer.stop()
    assert np.diff(ticks).max() < 0.75


@pytest.fixture
def setTemporaryPath(slicerApp):
    """Function that gives Slicer another temporary folder until the end of the test."""
    before = slicerApp.temporaryPath
    yield lambda path: setattr(slicerApp, "temporaryPath", str(path))
    slicerApp.temporaryPath = before


def testOddNamesAndATemporaryFolderWithOddNamesWork(widget, quick, apply, setTemporaryPath, tmp_path):
    fixed, moving = quick
    fixed.SetName('Prä/op "T1" & 50% 脳')
    moving.SetName("follow-up; $HOME 'x'")
    folder = tmp_path / "Größe mit Leerzeichen 名前"
    folder.mkdir()
    setTemporaryPath(folder)
    job = apply()
    assert job.result is not None, job.error
    assert job.result.warpedVolume.GetName() == "follow-up; $HOME 'x' to Prä/op \"T1\" & 50% 脳 (warped)"


# ---- Cancel


@pytest.mark.parametrize("state", ["exporting", "starting", "running", "loading"])
def testCancelWorksAtEveryMomentAndLeavesNothing(widget, quick, apply, waitUntil, scene, state):
    before = nodeIds(scene)
    widget.ui.applyButton.click()
    job = widget.logic.job
    waitForState(waitUntil, job, state)
    widget.ui.cancelButton.click()
    assert not widget.ui.cancelButton.enabled
    waitUntil(lambda: job.ended, CANCEL_SECONDS)
    assert job.state == "cancelled"
    assert job.result is None
    assert nodeIds(scene) == before
    assert temporaryFolders() == []
    assert widget.ui.applyButton.enabled
    assert apply().state == "done"


def testCancelInTheMiddleOfTheOptimisationTakesEffectSoonAndTheWorkerStays(widget, waitUntil):
    chooseSyntheticPair(widget)
    widget.ui.applyButton.click()
    job = widget.logic.job
    waitUntil(lambda: job.ended or "Refining" in job.text, SECONDS)
    processId = widget.logic.worker.processId
    widget.ui.cancelButton.click()
    waitUntil(lambda: job.ended, CANCEL_SECONDS)
    assert job.state == "cancelled"
    assert widget.logic.worker.processId == processId
    assert temporaryFolders() == []


def testAWorkerThatDoesNotAnswerACancelIsEnded(widget, quick, apply, waitUntil):
    widget.ui.applyButton.click()
    job = widget.logic.job
    waitForState(waitUntil, job, "running")
    processId = widget.logic.worker.processId
    os.kill(processId, signal.SIGSTOP)
    waitUntil(lambda: processState(processId) == "T")
    widget.ui.cancelButton.click()
    waitUntil(lambda: job.ended, CANCEL_SECONDS)
    assert job.state == "cancelled"
    assert not alive(processId)
    assert temporaryFolders() == []


# ---- the scene changes meanwhile


@pytest.mark.parametrize("state", ["exporting", "starting", "running", "loading"])
def testClosingTheSceneStopsTheRegistrationAndNothingArrivesLate(widget, quick, waitUntil, scene, state):
    widget.ui.applyButton.click()
    job = widget.logic.job
    waitForState(waitUntil, job, state)
    scene.Clear(0)
    before = nodeIds(scene)
    waitUntil(lambda: job.ended, CANCEL_SECONDS)
    assert job.state == "cancelled"
    assert "scene was closed" in job.error
    assert nodeIds(scene) == before
    assert temporaryFolders() == []


def testARemovedInputStopsTheRegistrationAndSaysSo(widget, quick, waitUntil, scene):
    fixed, _ = quick
    widget.ui.applyButton.click()
    job = widget.logic.job
    waitForState(waitUntil, job, "running")
    scene.RemoveNode(fixed)
    waitUntil(lambda: job.ended, CANCEL_SECONDS)
    assert job.state == "cancelled"
    assert f"'{fixed.GetName()}' was removed" in widget.ui.statusLabel.text


# ---- something fails


def testAKilledWorkerIsAClearFailureAndTheNextApplyWorks(widget, quick, apply, waitUntil, scene):
    before = nodeIds(scene)
    widget.ui.applyButton.click()
    job = widget.logic.job
    waitForState(waitUntil, job, "running")
    os.kill(widget.logic.worker.processId, signal.SIGKILL)
    waitUntil(lambda: job.ended, CANCEL_SECONDS)
    assert job.state == "failed"
    assert "background process ended" in widget.ui.statusLabel.text
    assert "background process ended" in widget.ui.logTextEdit.plainText
    assert nodeIds(scene) == before
    assert temporaryFolders() == []
    assert apply().state == "done"


def testWhatTheEngineRefusesIsSaidInItsWords(widget, quick, apply, scene):
    constant = addVolume(np.full((20, 20, 20), 7, np.float32), "constant")
    widget.ui.movingVolumeSelector.setCurrentNode(constant)
    before = nodeIds(scene)
    job = apply()
    assert job.state == "failed"
    assert "every voxel of 'constant' is 7" in job.error
    assert widget.ui.statusLabel.text == job.error
    assert "Traceback" not in widget.ui.statusLabel.text
    assert nodeIds(scene) == before
    assert temporaryFolders() == []


def testATemporaryFolderThatIsNotThereIsAFailureThatSaysSo(widget, quick, apply, setTemporaryPath, tmp_path):
    setTemporaryPath(tmp_path / "gone")
    job = apply()
    assert job.state == "failed"
    assert "temporary folder" in widget.ui.statusLabel.text


# ---- the end of the module


def testUnloadingTheModuleEndsJobAndWorker(widget, quick, waitUntil):
    widget.ui.applyButton.click()
    job, worker = widget.logic.job, widget.logic.worker
    waitForState(waitUntil, job, "running")
    processId = worker.processId
    widget.cleanup()
    waitUntil(lambda: job.ended and not worker.running, CANCEL_SECONDS)
    assert job.state == "cancelled"
    assert not alive(processId)
    assert temporaryFolders() == []


def testTheApplicationsEndStopsEverythingAtOnce(widget, quick, waitUntil, slicerApp):
    widget.ui.applyButton.click()
    job, worker = widget.logic.job, widget.logic.worker
    waitForState(waitUntil, job, "running")
    processId = worker.processId
    slicerApp.aboutToQuit.emit()
    assert job.ended
    assert not alive(processId)
    assert temporaryFolders() == []


# ---- without the panel


def testTheLogicAloneRegistersAndTellsWhenItIsDone(loadModule, waitUntil):
    from SITRegSlicerLib.selfTest import addSyntheticPair

    module = loadModule(MODULE_FILE).pythonModule
    fixed, moving = addSyntheticPair()
    finished = []
    begun = time.monotonic()
    logic = module.SITRegSlicerLogic()
    job = logic.register(fixed, moving, affine="none", refine="0", finishedCallback=finished.append)
    assert time.monotonic() - begun < 0.5
    assert not job.ended
    worker = logic.worker
    del logic
    waitUntil(lambda: finished, SECONDS)
    assert finished == [job]
    assert job.state == "done", job.error
    assert job.result.forwardTransform.GetNodeReference("inverseTransform") is job.result.inverseTransform
    waitUntil(lambda: not worker.running, 5)  # nobody holds the logic any more


def testTheLogicRefusesASecondRegistrationMeanwhile(widget, quick, waitUntil):
    from SITRegSlicerLib.registrationRequest import RequestError

    pair = quick
    job = widget.logic.register(*pair)
    with pytest.raises(RequestError, match="is running"):
        widget.logic.register(*pair)
    job.cancel()
    waitUntil(lambda: job.ended, CANCEL_SECONDS)


def testTheLogicRefusesWhatThePanelRefuses(widget, quick):
    from SITRegSlicerLib.registrationRequest import RequestError

    fixed, _ = quick
    with pytest.raises(RequestError, match="are the same"):
        widget.logic.register(fixed, fixed)
