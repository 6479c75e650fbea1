"""Slice and 3D views are drawn by Slicer's own displayable managers, off screen."""

import headless
import numpy as np
import pytest


def picture(path):
    """(height, width, 3) uint8 of a PNG."""
    import vtk
    from vtk.util.numpy_support import vtk_to_numpy

    reader = vtk.vtkPNGReader()
    reader.SetFileName(str(path))
    reader.Update()
    width, height, _ = reader.GetOutput().GetDimensions()
    return vtk_to_numpy(reader.GetOutput().GetPointData().GetScalars()).reshape(height, width, -1)[::-1]


def addHalves(slicer, name, left, right):
    """20 x 20 x 20 voxels around the origin: value `left` at negative R, `right` at positive R."""
    voxels = np.full((20, 20, 20), left, np.float32)
    voxels[:, :, 10:] = right
    ijkToRAS = np.eye(4)
    ijkToRAS[:3, 3] = -9.5
    volume = slicer.util.addVolumeFromArray(voxels, ijkToRAS=ijkToRAS, name=name)
    volume.GetDisplayNode().AutoWindowLevelOff()
    volume.GetDisplayNode().SetWindowLevelMinMax(0, 100)
    return volume


def test_a_slice_view_shows_the_background_in_patient_orientation(scene, tmp_path):
    import slicer

    slicer.util.setSliceViewerLayers(background=addHalves(slicer, "halves", 0, 100), fit=True)
    image = picture(headless.sliceViewPng("Red", tmp_path / "red.png"))
    height, width, _ = image.shape
    assert image[height // 2, width // 4].tolist() == [255, 255, 255]  # axial: the patient's right is on the left
    assert image[height // 2, 3 * width // 4].tolist() == [0, 0, 0]


def test_the_foreground_is_blended_by_its_opacity(scene, tmp_path):
    import slicer

    background = addHalves(slicer, "background", 0, 0)
    foreground = addHalves(slicer, "foreground", 100, 100)
    slicer.util.setSliceViewerLayers(background=background, foreground=foreground, foregroundOpacity=0.5, fit=True)
    image = picture(headless.sliceViewPng("Green", tmp_path / "green.png"))
    assert abs(int(image[200, 200, 0]) - 127) <= 2


def test_an_empty_view_is_black(scene, tmp_path):
    assert picture(headless.sliceViewPng("Yellow", tmp_path / "yellow.png")).max() == 0


def test_a_color_legend_is_drawn_by_its_displayable_manager(scene, tmp_path):
    import slicer

    volume = addHalves(slicer, "halves", 0, 100)
    slicer.util.setSliceViewerLayers(background=volume, fit=True)
    before = picture(headless.sliceViewPng("Red", tmp_path / "before.png"))
    legend = slicer.modules.colors.logic().AddDefaultColorLegendDisplayNode(volume)
    legend.SetVisibility(True)
    after = picture(headless.sliceViewPng("Red", tmp_path / "after.png"))
    assert (before != after).any()


def test_the_three_d_view_shows_a_model(scene, tmp_path):
    import vtk

    import slicer

    before = picture(headless.threeDViewPng(tmp_path / "before.png"))
    sphere = vtk.vtkSphereSource()
    sphere.SetRadius(50)
    sphere.Update()
    slicer.modules.models.logic().AddModel(sphere.GetOutput()).GetDisplayNode().SetColor(1, 0, 0)
    slicer.util.resetThreeDViews()
    after = picture(headless.threeDViewPng(tmp_path / "after.png"))
    red = (after[..., 0].astype(int) - after[..., 2]) > 60
    assert red.mean() > 0.02
    assert not ((before[..., 0].astype(int) - before[..., 2]) > 60).any()


@pytest.mark.parametrize(("name", "orientation"), [("Red", "Axial"), ("Green", "Coronal"), ("Yellow", "Sagittal")])
def test_the_views_have_slicers_names_and_orientations(name, orientation, scene):
    import slicer

    widget = slicer.app.layoutManager().sliceWidget(name)
    assert widget.sliceOrientation == orientation
    assert widget.mrmlSliceCompositeNode().GetLayoutName() == name


def test_there_is_no_other_view(scene):
    import slicer

    manager = slicer.app.layoutManager()
    assert manager.sliceWidget("Purple") is None
    assert manager.threeDWidget(1) is None
    assert manager.mrmlSliceLogics().GetNumberOfItems() == 3


def test_jumping_moves_the_slice(scene):
    import slicer

    slicer.util.setSliceViewerLayers(background=addHalves(slicer, "halves", 0, 100), fit=True)
    node = slicer.app.layoutManager().sliceWidget("Red").mrmlSliceNode()
    slicer.vtkMRMLSliceNode.JumpAllSlices(scene, 1, 2, 3)
    assert node.GetSliceToRAS().GetElement(2, 3) == pytest.approx(3, abs=0.5)
