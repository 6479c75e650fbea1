"""Fixtures of the tests that run registrations in the panel."""

import pytest
from moduleSteps import MODULE_FILE, REGISTRATION_SECONDS, chooseQuickRegistration, chooseSyntheticPair


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
        waitUntil(lambda: job.ended, REGISTRATION_SECONDS)
        return job

    return clickAndWait


@pytest.fixture
def applyUntil(widget, waitUntil):
    """Function that clicks Apply and returns the job as soon as it is in a state."""

    def clickAndWait(state):
        widget.ui.applyButton.click()
        job = widget.logic.job
        waitUntil(lambda: job.ended or job.state == state, REGISTRATION_SECONDS)
        assert job.state == state, f"{job.state}: {job.error}\n{job.detail}"
        return job

    return clickAndWait


@pytest.fixture
def setTemporaryPath(slicerApp):
    """Function that gives Slicer another temporary folder until the end of the test."""
    before = slicerApp.temporaryPath
    yield lambda path: setattr(slicerApp, "temporaryPath", str(path))
    slicerApp.temporaryPath = before
