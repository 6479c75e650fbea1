"""Registrations after registrations: earlier results above the moving volume, other pairs meanwhile."""

import weakref

import numpy as np
from moduleSteps import OUTPUTS, REGISTRATION_SECONDS, addVolume
from test_scene_transforms import worldCorner

pytest_plugins = ["moduleFixtures"]


def movedAway(widget, moving):
    """A moving volume that a rigid alignment has to bring back by 15 mm."""
    widget.ui.affineSelector.setCurrentIndex(widget.ui.affineSelector.findData("rigid"))
    x, y, z = moving.GetOrigin()
    moving.SetOrigin(x + 15, y, z)


def testApplyAgainReplacesTheResultThatTheMovingVolumeLiesUnder(widget, quick, apply):
    movedAway(widget, quick[1])
    first = apply().result
    widget.ui.putUnderButton.click()
    registered = worldCorner(quick[1])
    second = apply().result
    assert second.forwardTransform is first.forwardTransform
    assert np.allclose(worldCorner(quick[1]), registered, atol=0.01)  # not moved by both


def testASecondResultTakesThePlaceOfTheFirst(widget, quick, apply):
    movedAway(widget, quick[1])
    apply()
    widget.ui.putUnderButton.click()
    registered = worldCorner(quick[1])
    for name in OUTPUTS:
        getattr(widget.ui, f"{name}Selector").setCurrentNode(None)
    second = apply().result
    widget.ui.putUnderButton.click()
    assert quick[1].GetParentTransformNode() is second.forwardTransform
    assert np.allclose(worldCorner(quick[1]), registered, atol=0.01)


def testAFixedVolumeUnderATransformThatWouldBeOverwrittenIsRefused(widget, quick, apply):
    forward = apply().result.forwardTransform
    quick[0].SetAndObserveTransformNodeID(forward.GetID())
    widget.panel.update()
    assert not widget.ui.applyButton.enabled
    assert quick[0].GetName() in widget.ui.applyButton.toolTip and forward.GetName() in widget.ui.applyButton.toolTip


def testAPairThatIsChosenMeanwhileDoesNotGetTheOutputsOfTheOther(widget, quick, applyUntil, waitUntil):
    third = addVolume(np.random.default_rng(0).random((20, 20, 20), dtype=np.float32), "third")
    job = applyUntil("running")
    widget.ui.movingVolumeSelector.setCurrentNode(third)
    waitUntil(lambda: job.ended, REGISTRATION_SECONDS)
    assert job.state == "done"
    assert all(getattr(widget.ui, f"{name}Selector").currentNode() is None for name in OUTPUTS)
    assert not widget.ui.putUnderButton.enabled


def testTheButtonFollowsWhatHappensToTheMovingVolumeElsewhere(widget, quick, apply):
    forward = apply().result.forwardTransform
    widget.ui.putUnderButton.click()
    assert "out of" in widget.ui.putUnderButton.text
    quick[1].HardenTransform()
    assert "under" in widget.ui.putUnderButton.text
    quick[1].SetAndObserveTransformNodeID(forward.GetID())
    assert "out of" in widget.ui.putUnderButton.text


def testAClosedSceneLetsGoOfTheLastResult(widget, quick, apply, scene):
    apply()
    scene.Clear(0)
    assert widget.logic.job is None


def testAResultThatIsRemovedIsNotKeptByTheJobThatMadeIt(widget, quick, apply, scene):
    kept = weakref.ref(apply().result.forwardTransform.GetTransformFromParent())
    assert widget.logic.job is not None
    scene.RemoveNode(widget.ui.forwardTransformSelector.currentNode())
    assert widget.logic.job is None and kept() is None
