"""The Jacobian overlay: its colours, its legend, its picture."""

import numpy as np
import pytest
from moduleSteps import addVolume


@pytest.fixture
def jacobian(scene):
    """A Jacobian volume (k, j, i) of 8 x 40 x 40 whose value grows along i from -0.5 to 2.4."""
    voxels = np.broadcast_to(np.linspace(-0.5, 2.4, 40, dtype=np.float32), (8, 40, 40)).copy()
    return addVolume(voxels, "Jacobian")


def shownColors(volume):
    """RGB (k, j, i, 3), 0..255, as the slice views colour the voxels of a volume."""
    from vtk.util.numpy_support import vtk_to_numpy

    displayNode = volume.GetDisplayNode()
    displayNode.SetInputImageDataConnection(volume.GetImageDataConnection())
    pipeline = displayNode.GetOutputImageDataConnection().GetProducer()
    pipeline.Update()
    image = pipeline.GetOutputDataObject(0)
    colors = vtk_to_numpy(image.GetPointData().GetScalars())
    return colors.reshape(*image.GetDimensions()[::-1], -1)[..., :3].astype(int)


def isFoldColor(colors):
    return (colors[..., 1] > 200) & (colors[..., 0] < 60) & (colors[..., 2] < 60)


def testFoldsAndOnlyFoldsHaveTheFoldColor(scene):
    from SITRegSlicerLib.jacobianDisplay import setUpJacobianDisplay

    values = np.array([-9, -0.5, -1e-4, 0, 1e-4, 0.004, 0.01, 0.5, 0.999, 1, 1.001, 1.5, 2, 9], np.float32)
    volume = addVolume(np.tile(values, (2, 2, 1)), "Jacobian")
    setUpJacobianDisplay(volume)
    folded = isFoldColor(shownColors(volume))[0, 0]
    assert dict(zip(values.tolist(), folded, strict=True)) == {float(v): bool(v <= 0) for v in values}


def testOneIsNeutralAndBothSidesGrowAwayFromIt(jacobian):
    from SITRegSlicerLib.jacobianDisplay import divergingColor

    assert max(divergingColor(1.0)) < 0.1
    assert len(set(divergingColor(1.0))) == 1  # no tint
    assert divergingColor(0.4)[2] > divergingColor(0.4)[0] + 0.2  # blue where it shrinks
    assert divergingColor(1.6)[0] > divergingColor(1.6)[2] + 0.2  # red where it grows
    distances = [np.linalg.norm(np.subtract(divergingColor(v), divergingColor(1.0))) for v in (1.0, 0.8, 0.5, 0.1)]
    assert distances == sorted(distances)


def testTheColorTableIsMadeOnce(jacobian, scene):
    from SITRegSlicerLib.jacobianDisplay import jacobianColorNode, setUpJacobianDisplay

    setUpJacobianDisplay(jacobian)
    before = scene.GetNumberOfNodesByClass("vtkMRMLColorTableNode")
    setUpJacobianDisplay(jacobian)
    assert scene.GetNumberOfNodesByClass("vtkMRMLColorTableNode") == before
    assert jacobian.GetDisplayNode().GetColorNode() is jacobianColorNode()


def testTheOverlayHasAColorLegend(jacobian):
    import slicer
    from SITRegSlicerLib.jacobianDisplay import setUpJacobianDisplay

    setUpJacobianDisplay(jacobian)
    legend = slicer.modules.colors.logic().GetColorLegendDisplayNode(jacobian)
    assert "fold" in legend.GetTitleText()
    assert legend.GetVisibility()


def testTheOpacitySliderReachesOnlyTheViewsThatShowTheOverlay(jacobian):
    import slicer
    from SITRegSlicerLib.jacobianDisplay import setOverlayOpacity, setUpJacobianDisplay, showOverlay

    fixed = addVolume(np.zeros((8, 40, 40), np.float32), "fixed")
    setUpJacobianDisplay(jacobian)
    showOverlay(fixed, jacobian, 0.5)
    first, *others = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
    first.SetForegroundVolumeID(fixed.GetID())
    setOverlayOpacity([jacobian], 0.8)
    assert first.GetForegroundOpacity() == 0.5
    assert [node.GetForegroundOpacity() for node in others] == [0.8] * len(others)
    assert others


def testTheSliceViewShowsFixedVolumeFoldsAndChange(jacobian, tmp_path):
    import headless
    import vtk
    from vtk.util.numpy_support import vtk_to_numpy

    import slicer
    from SITRegSlicerLib.jacobianDisplay import setUpJacobianDisplay, showOverlay

    fixed = addVolume(np.full((8, 40, 40), 50, np.float32), "fixed")
    setUpJacobianDisplay(jacobian)
    showOverlay(fixed, jacobian, 1.0)
    slicer.util.resetSliceViews()
    headless.sliceViewPng("Red", str(tmp_path / "red.png"))
    reader = vtk.vtkPNGReader()
    reader.SetFileName(str(tmp_path / "red.png"))
    reader.Update()
    image = reader.GetOutput()
    width, height = image.GetDimensions()[:2]
    pixels = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(height, width, -1)[..., :3].astype(int)
    row = pixels[height // 2]
    assert isFoldColor(row).sum() > width / 20
    assert (row[:, 0] - row[:, 2] > 80).sum() > width / 20  # red
    assert (row[:, 2] - row[:, 0] > 80).sum() > width / 20  # blue
