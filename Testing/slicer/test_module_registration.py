"""Registrations that go well, with the real worker, from Apply to nodes in the scene."""

import time

import numpy as np
from moduleSteps import (
    OUTPUTS,
    REGISTRATION_SECONDS,
    addLinearTransform,
    addVolume,
    chooseSyntheticPair,
    nodeIds,
    rotation,
    temporaryFolders,
)

pytest_plugins = ["moduleFixtures"]


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


def testTheStatusSaysWhenEitherTransformFolds(quick, apply):
    from dataclasses import replace

    from SITRegSlicerLib.jobReport import headline

    job = apply()
    assert "no folded voxel" in headline(job)
    folds = {"forward_folds": 2.0, "inverse_folds": 3.0}
    job.result = replace(
        job.result, measures=[replace(m, value=folds.get(m.name, m.value)) for m in job.result.measures]
    )
    assert "5 folded voxels" in headline(job)


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
    assert forward.GetTransformFromParent().GetDisplacementGrid().GetNumberOfPoints() > 1000


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
    waitUntil(lambda: job.ended, REGISTRATION_SECONDS)
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
    waitUntil(lambda: job.ended, REGISTRATION_SECONDS)
    timer.stop()
    assert np.diff(ticks).max() < 0.75


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


def testTheResultIsShownOverTheFixedVolume(widget, quick, apply):
    import headless

    import slicer

    fixed, _ = quick
    widget.ui.overlayOpacitySlider.setValue(0.4)
    result = apply().result
    for composite in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode"):
        assert composite.GetBackgroundVolumeID() == fixed.GetID()
        assert composite.GetForegroundVolumeID() == result.jacobianVolume.GetID()
        assert composite.GetForegroundOpacity() == 0.4
    widget.ui.overlayOpacitySlider.setValue(0.9)
    headless.processEvents()
    assert composite.GetForegroundOpacity() == 0.9


def valuesAt(volume, points):
    """Values of a volume where it appears in the world, trilinear, at RAS points (n, 3)."""
    import vtk

    import slicer

    worldToRas, rasToIjk = vtk.vtkGeneralTransform(), vtk.vtkMatrix4x4()
    if volume.GetParentTransformNode() is not None:
        volume.GetParentTransformNode().GetTransformFromWorld(worldToRas)
    volume.GetRASToIJKMatrix(rasToIjk)
    array = slicer.util.arrayFromVolume(volume)
    found = []
    for point in points:
        voxel = np.array(rasToIjk.MultiplyPoint((*worldToRas.TransformPoint(point), 1))[:3])
        low = np.floor(voxel).astype(int)
        for corner in np.ndindex(2, 2, 2):
            weight = np.prod(np.where(corner, voxel - low, 1 - voxel + low))
            found.append(weight * array[tuple((low + corner)[::-1])])
    return np.reshape(found, (-1, 8)).sum(axis=1)


def testWithAParentTransformTheMovingVolumeStillLandsOnTheFixedOne(widget, quick, apply):
    fixed, moving = quick
    parent = addLinearTransform(rotation(12, 2, (20, -15, 10)), "scanner")
    moving.SetAndObserveTransformNodeID(parent.GetID())
    widget.ui.affineSelector.setCurrentIndex(widget.ui.affineSelector.findData("rigid"))
    result = apply().result
    points = np.random.default_rng(0).uniform(-30, 30, (100, 3))
    shouldBe, before = valuesAt(fixed, points), valuesAt(moving, points)
    assert np.abs(valuesAt(result.warpedVolume, points) - shouldBe).mean() < 0.5 * np.abs(before - shouldBe).mean()
    widget.ui.putUnderButton.click()
    assert (
        np.abs(valuesAt(moving, points) - valuesAt(result.warpedVolume, points)).mean() < 2.0
    )  # of 100; resampled twice
    widget.ui.putUnderButton.click()
    assert moving.GetParentTransformNode() is parent


def testTheModulesOwnTestPasses(widget):
    import SITRegSlicer

    SITRegSlicer.SITRegSlicerTest().runTest()
