"""Fixtures of the tests of the scene side: a running headless Slicer, a clean scene, faults that fail the test."""

import gc
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import headless
import pytest


@pytest.fixture(scope="session")
def slicerApp():
    """The running application: from here on `import slicer, qt, ctk, vtk` work as in Slicer."""
    return headless.start()


@pytest.fixture(autouse=True, scope="module")
def collectedHere():
    """Cyclic garbage is collected after a module's tests, in this thread.

    Python collects in whatever thread happens to allocate, and an engine's test may have left one (tqdm's monitor wakes
    every ten seconds). Widgets would then be deleted at any moment of the main thread: suspected behind a crash in
    Qt's deferred deletions that was seen once.
    """
    gc.disable()
    yield
    gc.collect()
    gc.enable()


@pytest.fixture(autouse=True)
def faults(slicerApp):
    """Fails the test when an exception was raised in a slot, a timer or an observer; `faults.take()` accepts them."""
    with headless.FaultCollector() as collector:
        yield collector
    assert not collector.faults, "raised where nobody could catch it: " + "; ".join(collector.faults)


@pytest.fixture
def scene(slicerApp):
    """The MRML scene, emptied before and after the test."""
    import slicer

    slicer.mrmlScene.Clear(0)
    yield slicer.mrmlScene
    slicer.mrmlScene.Clear(0)
    headless.processEvents()


@pytest.fixture
def loadModule(scene):
    """Function that loads a scripted module file and returns a LoadedModule; all are unloaded after the test."""
    from headless.application.loader import loadScriptedModule, unloadScriptedModule

    loaded = []

    def load(path):
        loaded.append(loadScriptedModule(path))
        return loaded[-1]

    yield load
    for module in reversed(loaded):
        unloadScriptedModule(module)


@pytest.fixture
def waitUntil():
    """Runs the event loop until a condition holds: `waitUntil(condition, seconds)`."""
    return headless.waitUntil
