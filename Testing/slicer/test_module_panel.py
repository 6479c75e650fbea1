"""The panel, driven by clicks; nothing here waits for a registration to end."""

import json

import numpy as np
import pytest
from moduleSteps import addVolume, applyTooltip

pytest_plugins = ["panelFixtures"]


def testApplySaysWhatIsMissingUntilNothingIs(widget, pair):
    assert applyTooltip(widget) == "Choose a fixed and a moving volume."
    widget.ui.movingVolumeSelector.setCurrentNode(pair[1])
    assert applyTooltip(widget) == "Choose a fixed volume."
    widget.ui.fixedVolumeSelector.setCurrentNode(pair[1])
    assert "are the same" in applyTooltip(widget)
    widget.ui.fixedVolumeSelector.setCurrentNode(pair[0])
    assert widget.ui.applyButton.enabled
    assert not widget.ui.cancelButton.enabled
    widget.ui.movingVolumeSelector.setCurrentNode(None)
    assert applyTooltip(widget) == "Choose a moving volume."


def testAVolumeWithoutVoxelsIsRefusedByName(widget, choosePair, scene):
    empty = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "empty one")
    widget.ui.fixedVolumeSelector.setCurrentNode(empty)
    assert "'empty one' has no voxels" in applyTooltip(widget)


def testAFlatVolumeIsRefusedWithItsSize(widget, choosePair):
    widget.ui.fixedVolumeSelector.setCurrentNode(addVolume(np.zeros((1, 7, 8)), "X-ray"))
    assert "'X-ray' has fewer than 4 voxels along an axis (8 x 7 x 1)" in applyTooltip(widget)


def testAnInputCannotBeAnOutput(widget, choosePair):
    widget.ui.warpedVolumeSelector.setCurrentNode(choosePair[0])
    assert "'fixed' is an input" in applyTooltip(widget)


def testOneNodeCannotBeTwoOutputs(widget, choosePair):
    both = widget.ui.forwardTransformSelector.addNode()
    widget.ui.inverseTransformSelector.setCurrentNode(both)
    assert "chosen for two outputs" in applyTooltip(widget)


def testTheListsOfferStableIdsUnderTitles(widget):
    ui = widget.ui
    assert (ui.modelSelector.currentData, ui.modelSelector.currentText) == ("sitreg", "SITReg, optimised on your pair")
    devices = [ui.deviceSelector.itemData(n) for n in range(ui.deviceSelector.count)]
    assert devices[:3] == ["auto", "cpu", "cuda"]
    assert ui.deviceSelector.currentData == "auto"


def testLabelMapsAreNoVolumesToRegister(widget, scene):
    scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "labels")
    assert widget.ui.fixedVolumeSelector.nodeCount() == 0
    assert widget.ui.fixedMaskSelector.nodeCount() == 1


def testEveryChoiceIsKeptInTheParameterNode(widget, choosePair):
    ui, parameters = widget.ui, widget.logic.getParameters()
    ui.deviceSelector.setCurrentIndex(ui.deviceSelector.findData("cpu"))
    ui.affineSelector.setCurrentIndex(ui.affineSelector.findData("rigid"))
    ui.refineSelector.setCurrentIndex(ui.refineSelector.findData("0"))
    ui.workingSpacingSpinBox.setValue(2.5)
    ui.overlayOpacitySlider.setValue(0.7)
    forward = ui.forwardTransformSelector.addNode()
    assert (parameters.fixedVolume, parameters.movingVolume) == choosePair
    assert (parameters.device, parameters.affine, parameters.refine) == ("cpu", "rigid", "0")
    assert (parameters.workingSpacing, parameters.overlayOpacity) == (2.5, 0.7)
    assert parameters.forwardTransform is forward


def testThePanelFollowsTheParameterNode(widget, pair):
    parameters = widget.logic.getParameters()
    parameters.fixedVolume, parameters.movingVolume = pair
    parameters.device, parameters.workingSpacing = "cuda", 1.5
    assert widget.ui.fixedVolumeSelector.currentNode() is pair[0]
    assert widget.ui.deviceSelector.currentData == "cuda"
    assert widget.ui.workingSpacingSpinBox.value == 1.5
    assert widget.ui.applyButton.enabled


def testARequestCarriesWhatThePanelShows(widget, choosePair):
    from SITRegSlicerLib.parameters import requestOf
    from SITRegSlicerLib.registrationRequest import Output

    widget.ui.deviceSelector.setCurrentIndex(widget.ui.deviceSelector.findData("cpu"))
    forward = widget.ui.forwardTransformSelector.addNode()
    request = requestOf(widget.logic.getParameters())
    assert (request.fixedVolume, request.movingVolume, request.device) == (*choosePair, "cpu")
    assert request.outputs.forwardTransform is forward
    assert request.outputs.jacobianVolume is Output.NONE


def testWithoutAChoiceAllOutputsAreMadeNewAndThePanelSaysSo(widget, choosePair):
    from SITRegSlicerLib.parameters import chosenOutputs
    from SITRegSlicerLib.registrationRequest import Output

    assert set(vars(chosenOutputs(widget.logic.getParameters())).values()) == {Output.NEW}
    assert "all will be made new" in widget.ui.outputsHintLabel.text
    widget.ui.warpedVolumeSelector.addNode()
    assert "Only the chosen ones" in widget.ui.outputsHintLabel.text


def testAnOutputThatIsRemovedIsNotReplacedByAnotherNode(widget, choosePair, scene):
    other = addVolume(np.zeros((6, 7, 8), np.float32), "not an output")
    warped = widget.ui.warpedVolumeSelector.addNode()
    scene.RemoveNode(warped)
    assert widget.ui.warpedVolumeSelector.currentNode() is None
    assert widget.logic.getParameters().warpedVolume is None
    assert other.GetName() == "not an output"


def testAnInputThatIsRemovedIsNotReplacedByAnotherNode(widget, choosePair, scene):
    scene.RemoveNode(choosePair[0])
    assert widget.ui.fixedVolumeSelector.currentNode() is None
    assert applyTooltip(widget) == "Choose a fixed volume."


def testOutputsOfAnotherPairAreLetGo(widget, choosePair, scene):
    from SITRegSlicerLib.transformNodes import linkTransforms

    forward = widget.ui.forwardTransformSelector.addNode()
    linkTransforms(forward, None, *choosePair)
    widget.ui.movingVolumeSelector.setCurrentNode(addVolume(np.zeros((6, 7, 8)), "third"))
    assert widget.ui.forwardTransformSelector.currentNode() is None
    assert scene.IsNodePresent(forward)


@pytest.mark.parametrize("output", ["warpedVolume", "jacobianVolume"])
def testAVolumeThatIsTheOnlyOutputIsLetGoForAnotherPair(widget, choosePair, scene, output):
    from SITRegSlicerLib.transformNodes import linkToPair

    volume = getattr(widget.ui, f"{output}Selector").addNode()
    linkToPair([volume], *choosePair)
    widget.ui.movingVolumeSelector.setCurrentNode(addVolume(np.zeros((6, 7, 8)), "third"))
    assert getattr(widget.ui, f"{output}Selector").currentNode() is None and scene.IsNodePresent(volume)


def testOutputsThatTheUserMadeAreKeptWhenTheInputsChange(widget, choosePair):
    forward = widget.ui.forwardTransformSelector.addNode()
    widget.ui.movingVolumeSelector.setCurrentNode(addVolume(np.zeros((6, 7, 8)), "third"))
    assert widget.ui.forwardTransformSelector.currentNode() is forward


def testTheMovingVolumeGoesUnderTheTransformByOneClickAndBackByAnother(widget, choosePair):
    from SITRegSlicerLib.transformNodes import linkTransforms

    button = widget.ui.putUnderButton
    assert not button.enabled
    forward = widget.ui.forwardTransformSelector.addNode()
    linkTransforms(forward, None, *choosePair)
    button.click()
    assert choosePair[1].GetParentTransformNode() is forward
    assert "out of" in button.text
    button.click()
    assert choosePair[1].GetParentTransformNode() is None
    assert "under" in button.text


def testTheMovingLabelsGoWithTheMovingVolume(widget, choosePair, scene):
    from SITRegSlicerLib.transformNodes import linkTransforms

    labels = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "labels")
    widget.ui.movingLabelsSelector.setCurrentNode(labels)
    forward = widget.ui.forwardTransformSelector.addNode()
    linkTransforms(forward, None, *choosePair)
    widget.ui.putUnderButton.click()
    assert labels.GetParentTransformNode() is forward
    widget.ui.putUnderButton.click()
    assert labels.GetParentTransformNode() is None


def testLabelsThatAreChosenLaterFollowTheMovingVolume(widget, choosePair, scene):
    widget.ui.forwardTransformSelector.addNode()
    widget.ui.putUnderButton.click()
    labels = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "labels")
    widget.ui.movingLabelsSelector.setCurrentNode(labels)
    assert widget.ui.putUnderButton.enabled and "Put" in widget.ui.putUnderButton.text
    widget.ui.putUnderButton.click()
    forward = widget.ui.forwardTransformSelector.currentNode()
    assert labels.GetParentTransformNode() is forward and choosePair[1].GetParentTransformNode() is forward


def testLabelsThatAreNoLongerChosenComeOutWithTheMovingVolume(widget, choosePair, scene):
    first, second = (scene.AddNewNodeByClass("vtkMRMLSegmentationNode", name) for name in ("one", "two"))
    mine = scene.AddNewNodeByClass("vtkMRMLModelNode", "put there by hand")
    forward = widget.ui.forwardTransformSelector.addNode()
    mine.SetAndObserveTransformNodeID(forward.GetID())
    for labels in (first, second):
        widget.ui.movingLabelsSelector.setCurrentNode(labels)
        widget.ui.putUnderButton.click()
    widget.ui.putUnderButton.click()
    assert [node.GetParentTransformNode() for node in (choosePair[1], first, second)] == [None] * 3
    assert mine.GetParentTransformNode() is forward


def testAClosedSceneEmptiesThePanelAndANewOneWorks(widget, choosePair, scene):
    widget.ui.deviceSelector.setCurrentIndex(widget.ui.deviceSelector.findData("cpu"))
    scene.Clear(0)
    assert widget.ui.fixedVolumeSelector.currentNode() is None
    assert not widget.ui.applyButton.enabled
    voxels = np.zeros((6, 7, 8), np.float32)
    widget.ui.fixedVolumeSelector.setCurrentNode(addVolume(voxels, "a"))
    widget.ui.movingVolumeSelector.setCurrentNode(addVolume(voxels, "b"))
    assert widget.ui.applyButton.enabled
    assert widget.logic.getParameters().fixedVolume.GetName() == "a"


def testAfterCleanupThePanelNoLongerReacts(widget, choosePair):
    widget.cleanup()
    widget.ui.fixedVolumeSelector.setCurrentNode(None)
    assert widget.logic.getParameters().fixedVolume is choosePair[0]


def testAModelCardBecomesAChoiceAndADamagedOneDoesNoHarm(slicerApp, tmp_path):
    from SITRegSlicerLib.choices import models

    card = {"id": "oasis", "title": "Brain, T1", "limits": "Adults.", "data": "OASIS", "licence": "CC0"}
    for name, text in (("good", json.dumps(card)), ("bad", "{"), ("odd", "[1]")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "card.json").write_text(text)
    assert [(choice.id, choice.title) for choice in models(tmp_path)] == [
        ("sitreg", "SITReg, optimised on your pair"),
        ("nephi", "NePhi, optimised on your pair"),
        ("oasis", "Brain, T1"),
    ]
    assert (models(tmp_path)[-1].about, models(tmp_path)[-1].origin) == (
        "Adults.",
        "Trained on: OASIS. Licence of the weights: CC0.",
    )


def testThePanelTellsWhatTheChosenModelIsForAndWhereItEnds(widget):
    ui, parameters = widget.ui, widget.logic.getParameters()
    for model in ("sitreg", "nephi", "brain-t1", "any-contrast"):
        ui.modelSelector.setCurrentIndex(ui.modelSelector.findData(model))
        assert parameters.model == model and ui.modelHintLabel.text.endswith(".")
    assert "no other model" in ui.modelHintLabel.text and "IXI" in ui.modelHintLabel.toolTip
    parameters.model = "from another machine"
    assert ui.modelHintLabel.text == ui.modelHintLabel.toolTip == ""


def testAModelThatIsNotInstalledHereIsNotReplacedInSilence(widget, choosePair):
    widget.logic.getParameters().model = "from another machine"
    assert widget.ui.modelSelector.currentIndex == -1
    assert "'from another machine' is not installed" in applyTooltip(widget)
