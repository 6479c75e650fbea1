"""The moving labels on the fixed volume: what they were, with their names and colours."""

import numpy as np
import pytest
import SimpleITK as sitk
from moduleSteps import addSegmentation, addVolume, nodeIds, runSteps

pytest_plugins = ["moduleFixtures"]
NAMES = ["head", "liver", "kidney"]  # as exported: the first is of the fixed labels alone
SHAPE = (6, 7, 8)


@pytest.fixture
def pair(scene):
    return addVolume(np.zeros(SHAPE, np.float32), "fixed"), addVolume(np.ones(SHAPE, np.float32), "moving")


@pytest.fixture
def segmentation(pair):
    """The moving labels: a liver in brown and a kidney."""
    region = np.zeros(SHAPE, bool)
    region[2] = True
    node = addSegmentation(pair[1], {"kidney": region, "liver": ~region}, "organs")
    node.GetSegmentation().GetNthSegment(1).SetColor(0.5, 0.25, 0.0)
    return node


@pytest.fixture
def answer(tmp_path):
    """The engine's answer with warped labels: five voxels of 2, three of 3."""
    from sitreg_engine import contract

    voxels = np.zeros(SHAPE, np.int16)
    voxels[1, 1, 1:6], voxels[4, 2, 2:5] = 2, 3
    path = str(tmp_path / "warped_labels.nrrd")
    image = sitk.GetImageFromArray(voxels)
    image.SetDirection((-1, 0, 0, 0, -1, 0, 0, 0, 1))  # where the fixed volume lies, in LPS
    sitk.WriteImage(image, path)
    return contract.Result("7", str(tmp_path), {"warped_labels": path}, [], {}, "cpu", [])


def importLabels(pair, answer, movingLabels, choice=None):
    from SITRegSlicerLib.registrationRequest import Output, OutputChoices, RegistrationRequest
    from SITRegSlicerLib.sceneImport import importSteps

    outputs = OutputChoices(*[Output.NONE] * 4, choice or Output.NEW)
    request = RegistrationRequest(*pair, outputs, movingLabels=movingLabels)
    return runSteps(importSteps(request, answer, NAMES)).value.warpedLabels


def voxelsOf(node, name, volume):
    import slicer

    segmentId = node.GetSegmentation().GetSegmentIdBySegmentName(name)
    return int(slicer.util.arrayFromSegmentBinaryLabelmap(node, segmentId, volume).sum())


def testASegmentationStaysOneWithItsNamesAndColours(pair, answer, segmentation):
    warped = importLabels(pair, answer, segmentation)
    segments = warped.GetSegmentation()
    assert warped.GetName() == "moving to fixed (labels)" and segments.GetNumberOfSegments() == 2
    assert (voxelsOf(warped, "liver", pair[0]), voxelsOf(warped, "kidney", pair[0])) == (5, 3)
    liver = segments.GetSegment(segments.GetSegmentIdBySegmentName("liver"))
    assert liver.GetColor() == (0.5, 0.25, 0.0)
    assert segmentation.GetSegmentation().GetNumberOfSegments() == 2


def testALabelMapStaysOneWithItsColours(pair, answer, scene):
    import slicer

    labels = scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "atlas")
    slicer.util.updateVolumeFromArray(labels, np.ones(SHAPE, np.int16))
    labels.CreateDefaultDisplayNodes()
    labels.GetDisplayNode().SetAndObserveColorNodeID("vtkMRMLColorTableNodeRed")
    warped = importLabels(pair, answer, labels)
    assert warped.GetClassName() == "vtkMRMLLabelMapVolumeNode" and warped.GetName() == "moving to fixed (labels)"
    assert np.bincount(slicer.util.arrayFromVolume(warped).ravel()).tolist()[2:] == [5, 3]
    assert warped.GetDisplayNode().GetColorNodeID() == "vtkMRMLColorTableNodeRed"


def testAChosenSegmentationIsFilledAndNothingElseIsLeft(pair, answer, segmentation, scene):
    mine = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "mine")
    mine.CreateDefaultDisplayNodes()
    before = nodeIds(scene)
    assert importLabels(pair, answer, segmentation, mine) is mine
    assert mine.GetName() == "mine" and voxelsOf(mine, "liver", pair[0]) == 5
    assert nodeIds(scene) == before


def testTheyKnowThePairThatTheyWereMadeFrom(pair, answer, segmentation):
    from SITRegSlicerLib.transformNodes import isResult, linkedPair

    warped = importLabels(pair, answer, segmentation)
    assert isResult(warped) and linkedPair(warped) == pair


def testASegmentThatWasRenamedMeanwhileKeepsTheNameItWasExportedUnder(pair, answer, segmentation):
    segmentation.GetSegmentation().GetNthSegment(1).SetName("foie")
    assert voxelsOf(importLabels(pair, answer, segmentation), "liver", pair[0]) == 5


def testWithoutMovingLabelsThereAreNone(pair, answer):
    from SITRegSlicerLib.registrationRequest import RegistrationRequest

    assert "warpedLabels" not in RegistrationRequest(*pair).wantedOutputs()


def testApplyTellsOfLabelsThatCannotBeComparedOrHeld(pair, segmentation, scene):
    from SITRegSlicerLib.applyCheck import whatIsMissing
    from SITRegSlicerLib.registrationRequest import Output, OutputChoices, RegistrationRequest

    atlas = scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "atlas")
    mine = OutputChoices(warpedLabels=atlas)
    alone = OutputChoices(*[Output.NONE] * 4)
    assert "convert one of them" in whatIsMissing(
        RegistrationRequest(*pair, movingLabels=segmentation, fixedLabels=atlas)
    )
    assert "is a segmentation" in whatIsMissing(RegistrationRequest(*pair, mine, movingLabels=segmentation))
    assert "no moving labels" in whatIsMissing(RegistrationRequest(*pair, mine))
    assert whatIsMissing(RegistrationRequest(*pair, alone)) == "Choose at least one output."
    assert whatIsMissing(RegistrationRequest(*pair, alone, movingLabels=segmentation)) == ""


def testARegistrationCarriesTheMovingLabelsOver(widget, quick, apply):
    import slicer

    fixed, moving = quick
    bright = {volume: slicer.util.arrayFromVolume(volume) > 0.5 for volume in (fixed, moving)}
    labels = addSegmentation(moving, {"bright": bright[moving]}, "found by hand")
    widget.ui.movingLabelsSelector.setCurrentNode(labels)
    warped = apply().result.warpedLabels
    assert widget.ui.warpedLabelsSelector.currentNode() is warped
    size = voxelsOf(warped, "bright", fixed)
    assert size == pytest.approx(bright[fixed].sum(), rel=0.3)
    again = apply().result.warpedLabels
    assert again is warped and voxelsOf(again, "bright", fixed) == size
