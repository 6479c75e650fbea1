"""The logic without the panel, as scripts use it."""

import time

import pytest
from moduleSteps import CANCEL_SECONDS, MODULE_FILE, REGISTRATION_SECONDS

pytest_plugins = ["moduleFixtures"]


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
    waitUntil(lambda: finished, REGISTRATION_SECONDS)
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
