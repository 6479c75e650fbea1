"""Registrations that are stopped: by Cancel, by the scene, by the end of the module."""

import os
import signal
import sys

import pytest
from moduleSteps import (
    CANCEL_SECONDS,
    REGISTRATION_SECONDS,
    alive,
    chooseSyntheticPair,
    nodeIds,
    processState,
    temporaryFolders,
)

pytest_plugins = ["moduleFixtures"]


@pytest.mark.parametrize("state", ["exporting", "starting", "running", "loading"])
def testCancelWorksAtEveryMomentAndLeavesNothing(widget, quick, apply, applyUntil, waitUntil, scene, state):
    before = nodeIds(scene)
    job = applyUntil(state)
    widget.ui.cancelButton.click()
    assert not widget.ui.cancelButton.enabled
    waitUntil(lambda: job.ended, CANCEL_SECONDS)
    assert job.state == "cancelled"
    assert job.result is None
    assert nodeIds(scene) == before
    assert temporaryFolders() == []
    assert widget.ui.applyButton.enabled
    assert apply().state == "done"


def testCancelWithinTheLoadingOfAFileLeavesNothing(widget, quick, applyUntil, waitUntil, scene):
    """As when some dialog of Slicer handles clicks while a file is being loaded."""
    before = nodeIds(scene)
    job = applyUntil("loading")
    tag = scene.AddObserver(scene.NodeAddedEvent, lambda *_: job.cancel())
    waitUntil(lambda: job.ended and job._steps is None, CANCEL_SECONDS)
    scene.RemoveObserver(tag)
    assert job.state == "cancelled" and job.result is None
    waitUntil(lambda: nodeIds(scene) == before, 5)
    assert temporaryFolders() == []


def testAWorkerThatNeverGetsReadyIsReplaced(widget, quick, apply, applyUntil, waitUntil, tmp_path):
    from SITRegSlicerLib.workerProcess import WorkerCommand

    (tmp_path / "hangs.py").write_text("import time\ntime.sleep(600)\n", encoding="utf-8")
    worker = widget.logic.worker
    usual, worker._command = worker._command, WorkerCommand(sys.executable, [str(tmp_path / "hangs.py")])
    job = applyUntil("starting")
    worker._command = usual
    widget.ui.cancelButton.click()
    assert job.state == "cancelled"
    assert apply().state == "done"


def testCancelInTheMiddleOfTheOptimisationTakesEffectSoonAndTheWorkerStays(widget, waitUntil):
    chooseSyntheticPair(widget)
    widget.ui.applyButton.click()
    job = widget.logic.job
    waitUntil(lambda: job.ended or "Refining" in job.text, REGISTRATION_SECONDS)
    processId = widget.logic.worker.processId
    widget.ui.cancelButton.click()
    waitUntil(lambda: job.ended, CANCEL_SECONDS)
    assert job.state == "cancelled"
    assert widget.logic.worker.processId == processId
    assert temporaryFolders() == []


def testAWorkerThatDoesNotAnswerACancelIsEnded(widget, quick, apply, applyUntil, waitUntil):
    job = applyUntil("running")
    processId = widget.logic.worker.processId
    os.kill(processId, signal.SIGSTOP)
    waitUntil(lambda: processState(processId) == "T")
    widget.ui.cancelButton.click()
    waitUntil(lambda: job.ended, CANCEL_SECONDS)
    assert job.state == "cancelled"
    assert not alive(processId)
    assert temporaryFolders() == []


@pytest.mark.parametrize("state", ["exporting", "starting", "running", "loading"])
def testClosingTheSceneStopsTheRegistrationAndNothingArrivesLate(widget, quick, applyUntil, waitUntil, scene, state):
    job = applyUntil(state)
    scene.Clear(0)
    before = nodeIds(scene)
    waitUntil(lambda: job.ended, CANCEL_SECONDS)
    assert job.state == "cancelled"
    assert "scene was closed" in job.error
    assert nodeIds(scene) == before
    assert job.request is None  # it would keep the images of the closed scene in memory
    assert temporaryFolders() == []


def testARemovedInputStopsTheRegistrationAndSaysSo(widget, quick, applyUntil, waitUntil, scene):
    fixed, _ = quick
    job = applyUntil("running")
    scene.RemoveNode(fixed)
    waitUntil(lambda: job.ended, CANCEL_SECONDS)
    assert job.state == "cancelled"
    assert f"'{fixed.GetName()}' was removed" in widget.ui.statusLabel.text


def testUnloadingTheModuleEndsJobAndWorker(widget, quick, applyUntil, waitUntil):
    job = applyUntil("running")
    worker = widget.logic.worker
    processId = worker.processId
    widget.cleanup()
    waitUntil(lambda: job.ended and not worker.running, CANCEL_SECONDS)
    assert job.state == "cancelled"
    assert not alive(processId)
    assert temporaryFolders() == []


@pytest.mark.parametrize("warm", [False, True])
def testTheApplicationsEndStopsEverythingAtOnce(widget, quick, apply, applyUntil, waitUntil, slicerApp, warm):
    if warm:
        apply()
    job = applyUntil("running")
    worker = widget.logic.worker
    processId = worker.processId
    slicerApp.aboutToQuit.emit()
    assert job.state == "cancelled" and "closed" in job.error
    assert not alive(processId)
    assert temporaryFolders() == []
