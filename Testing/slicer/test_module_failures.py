"""Registrations that fail, and what the panel says then."""

import os
import signal

import numpy as np
from moduleSteps import CANCEL_SECONDS, addVolume, nodeIds, temporaryFolders

pytest_plugins = ["moduleFixtures"]


def testAKilledWorkerIsAClearFailureAndTheNextApplyWorks(widget, quick, apply, applyUntil, waitUntil, scene):
    before = nodeIds(scene)
    job = applyUntil("running")
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


def testScansThatAKilledSlicerHasLeftAreRemovedByTheNextRegistration(slicerApp, setTemporaryPath, tmp_path):
    from SITRegSlicerLib.temporaryFolder import makeFolder

    setTemporaryPath(tmp_path)
    old, recent, other = (tmp_path / name for name in ("sitreg-old", "sitreg-recent", "other"))
    for folder in (old, recent, other):
        folder.mkdir()
        (folder / "fixed.nrrd").write_bytes(b"a face")
    for folder in (old, other):
        os.utime(folder, (0, 0))
    made = makeFolder()
    assert made.parent == tmp_path and not old.exists() and recent.exists() and other.exists()
