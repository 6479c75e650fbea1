"""The panel when other volumes are chosen, removed, mended or added: nothing is overwritten or said of others."""

import numpy as np
from moduleSteps import addVolume, applyTooltip

pytest_plugins = ["panelFixtures"]


def testResultsOfAPairWhoseVolumeWasRemovedAreLetGo(widget, choosePair, scene):
    from SITRegSlicerLib.transformNodes import linkTransforms

    forward = widget.ui.forwardTransformSelector.addNode()
    linkTransforms(forward, None, *choosePair)
    scene.RemoveNode(choosePair[1])
    widget.ui.movingVolumeSelector.setCurrentNode(addVolume(np.zeros((6, 7, 8)), "day 2"))
    assert widget.ui.forwardTransformSelector.currentNode() is None
    assert scene.IsNodePresent(forward)


def testAResultOfAnotherPairCanStillBeChosenToBeOverwritten(widget, choosePair, scene):
    from SITRegSlicerLib.transformNodes import linkTransforms

    other = scene.AddNewNodeByClass("vtkMRMLGridTransformNode", "other")
    linkTransforms(other, None, choosePair[1], choosePair[0])
    widget.ui.forwardTransformSelector.setCurrentNode(other)
    assert widget.ui.forwardTransformSelector.currentNode() is other


def testPuttingTheMovingVolumeUnderTheTransformShowsItOverTheFixedOne(widget, choosePair, scene):
    import slicer

    widget.ui.forwardTransformSelector.addNode()
    widget.ui.putUnderButton.click()
    composites = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
    shown = {(node.GetBackgroundVolumeID(), node.GetForegroundVolumeID()) for node in composites}
    assert shown == {tuple(volume.GetID() for volume in choosePair)}
    widget.ui.overlayOpacitySlider.value = 0.25
    assert {node.GetForegroundOpacity() for node in composites} == {0.25}


def testAnOpacityThatWasSetInTheViewStaysUntilTheSliderIsMoved(widget, choosePair, scene):
    import slicer

    widget.ui.forwardTransformSelector.addNode()
    widget.ui.putUnderButton.click()
    composites = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
    for node in composites:
        node.SetForegroundOpacity(0.0)
    widget.ui.modelSelector.setCurrentIndex(1)
    assert {node.GetForegroundOpacity() for node in composites} == {0.0}


def testTheButtonOffersNothingThatItCannotDo(widget, choosePair, scene):
    forward = widget.ui.forwardTransformSelector.addNode()
    between = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "between")
    between.SetAndObserveTransformNodeID(forward.GetID())
    choosePair[1].SetAndObserveTransformNodeID(between.GetID())
    assert not widget.ui.putUnderButton.enabled


def testWhatWasMendedElsewhereIsSeenWhenTheModuleIsShownAgain(widget, choosePair):
    image = choosePair[1].GetImageData()
    choosePair[1].SetAndObserveImageData(None)
    widget.panel.update()
    assert "no voxels" in applyTooltip(widget)
    choosePair[1].SetAndObserveImageData(image)
    widget.enter()
    assert widget.ui.applyButton.enabled


def testWhatWasSaidOfAPairIsGoneWithIt(widget, choosePair):
    widget.ui.statusLabel.text, widget.ui.progressBar.value = "Done.", 100
    widget.ui.deviceSelector.setCurrentIndex(1)
    assert widget.ui.statusLabel.text == "Done."
    widget.ui.movingVolumeSelector.setCurrentNode(addVolume(np.zeros((6, 7, 8)), "third"))
    assert (widget.ui.statusLabel.text, widget.ui.progressBar.value) == ("", 0)


def testWhyARegistrationEndedStaysToBeRead(widget, choosePair, scene):
    widget.ui.statusLabel.text = "'moving' was removed from the scene; the registration was stopped."
    scene.RemoveNode(choosePair[1])
    assert "was removed" in widget.ui.statusLabel.text


def testTheOnlyTwoVolumesAreChosenWhenThePanelIsShown(widget, pair, scene):
    scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "labels")
    addVolume(np.zeros((1, 7, 8)), "X-ray")
    widget.enter()
    assert (widget.ui.fixedVolumeSelector.currentNode(), widget.ui.movingVolumeSelector.currentNode()) == pair
    assert widget.ui.applyButton.enabled


def testTheVolumeThatIsShownBehindIsTakenForTheFixedOne(widget, pair, scene):
    import slicer

    for node in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode"):
        node.SetBackgroundVolumeID(pair[1].GetID())
    widget.enter()
    assert widget.ui.fixedVolumeSelector.currentNode() is pair[1]


def testNothingIsChosenForTheUserWhoHasChosenOrHasMoreVolumes(widget, pair, scene):
    widget.ui.fixedVolumeSelector.setCurrentNode(pair[1])
    widget.enter()
    assert widget.ui.movingVolumeSelector.currentNode() is None
    widget.ui.fixedVolumeSelector.setCurrentNode(None)
    addVolume(np.zeros((6, 7, 8)), "third")
    widget.enter()
    assert widget.ui.fixedVolumeSelector.currentNode() is None


def testASceneThatIsAddedLeavesTheChoicesAlone(widget, choosePair, scene, tmp_path):
    """In Slicer the selectors are empty for a moment at the end of an import (Slicer's issue 4570)."""
    import slicer

    forward = widget.ui.forwardTransformSelector.addNode()
    for selector in (widget.ui.movingVolumeSelector, widget.ui.forwardTransformSelector):
        scene.AddObserver(scene.EndImportEvent, lambda *_, one=selector: one.setCurrentNode(None))
    path = tmp_path / "other.mrml"
    path.write_text('<MRML version="Slicer5" userTags=""></MRML>', encoding="utf-8")
    scene.SetURL(str(path))
    assert scene.Import()
    parameters = widget.logic.getParameters()
    assert (parameters.fixedVolume, parameters.movingVolume, parameters.forwardTransform) == (*choosePair, forward)
    assert widget.ui.movingVolumeSelector.currentNode() is choosePair[1]
    assert slicer.mrmlScene is scene


def testMasksAndLabelsOfAVolumeThatIsExchangedAreLetGo(widget, choosePair, scene):
    parameters = widget.logic.getParameters()
    names = ("fixedMask", "fixedLabels", "movingMask", "movingLabels")
    for name in names:
        setattr(parameters, name, scene.AddNewNodeByClass("vtkMRMLSegmentationNode", name))
    widget.ui.movingVolumeSelector.setCurrentNode(addVolume(np.zeros((6, 7, 8)), "day 2"))
    kept = [name for name in names if getattr(parameters, name) is not None]
    assert kept == ["fixedMask", "fixedLabels"]


def testLabelsThatWereChosenBeforeTheirVolumeStay(widget, scene):
    labels = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "labels")
    widget.ui.movingLabelsSelector.setCurrentNode(labels)
    widget.ui.movingVolumeSelector.setCurrentNode(addVolume(np.zeros((6, 7, 8)), "moving"))
    assert widget.logic.getParameters().movingLabels is labels


def testTwoVolumesThatAreLoadedWhileThePanelIsShownAreChosen(widget, waitUntil):
    pair = tuple(addVolume(np.zeros((6, 7, 8)), name) for name in ("first", "second"))
    waitUntil(lambda: widget.ui.movingVolumeSelector.currentNode() is not None, 5)
    assert (widget.ui.fixedVolumeSelector.currentNode(), widget.ui.movingVolumeSelector.currentNode()) == pair
