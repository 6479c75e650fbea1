"""slicer.util.load*, save* and exportNode on real files."""

import numpy as np
import pytest
import SimpleITK as sitk

SHEAR = np.array([[1.5, 0.2, 0, 10], [0, 2, 0.3, -20], [0.1, 0, 3, 30], [0, 0, 0, 1]])


def addVolume(slicer, name="head", ijkToRAS=None):
    """A volume of 6 x 7 x 8 voxels (I, J, K) with different values everywhere."""
    voxels = np.arange(8 * 7 * 6, dtype=np.int16).reshape(8, 7, 6)
    return slicer.util.addVolumeFromArray(voxels, ijkToRAS=ijkToRAS, name=name)


def addShift(slicer, millimetres):
    """A linear transform along R."""
    import vtk

    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "shift")
    matrix = vtk.vtkMatrix4x4()
    matrix.SetElement(0, 3, millimetres)
    node.SetMatrixTransformToParent(matrix)
    return node


@pytest.mark.parametrize("extension", [".nrrd", ".nii.gz", ".mha"])
def test_a_saved_volume_comes_back(extension, scene, tmp_path):
    import slicer

    volume = addVolume(slicer, ijkToRAS=np.diag([1.5, 2, 3, 1]))
    path = tmp_path / f"head{extension}"
    assert slicer.util.saveNode(volume, str(path))
    again = slicer.util.loadVolume(str(path), {"name": "again"})
    assert again.GetName() == "again"
    assert again.GetDisplayNode() is not None
    assert np.array_equal(slicer.util.arrayFromVolume(again), slicer.util.arrayFromVolume(volume))
    assert np.allclose(again.GetSpacing(), (1.5, 2, 3))


def test_itk_reads_what_is_saved_in_its_own_axes(scene, tmp_path):
    import slicer

    slicer.util.saveNode(addVolume(slicer, ijkToRAS=np.diag([1.5, 2, 3, 1])), str(tmp_path / "head.nrrd"))
    image = sitk.ReadImage(str(tmp_path / "head.nrrd"))
    assert image.GetSize() == (6, 7, 8)
    assert np.allclose(np.reshape(image.GetDirection(), (3, 3)), np.diag([-1, -1, 1]))  # RAS seen from LPS


def test_a_label_map_is_loaded_as_one(scene, tmp_path):
    import slicer

    slicer.util.saveNode(addVolume(slicer), str(tmp_path / "labels.nrrd"))
    labels = slicer.util.loadLabelVolume(str(tmp_path / "labels.nrrd"))
    assert labels.IsA("vtkMRMLLabelMapVolumeNode")


def test_a_transform_comes_back_under_its_file_name(scene, tmp_path):
    import slicer

    slicer.util.saveNode(addShift(slicer, 12.5), str(tmp_path / "shift.h5"))
    again = slicer.util.loadTransform(str(tmp_path / "shift.h5"))
    assert again.GetName() == "shift_1"
    assert slicer.util.arrayFromTransformMatrix(again)[0, 3] == 12.5


def test_markups_come_back(scene, tmp_path):
    import slicer

    points = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "landmarks")
    points.AddControlPoint(1, 2, 3, "nose")
    slicer.util.saveNode(points, str(tmp_path / "landmarks.mrk.json"))
    again = slicer.util.loadMarkups(str(tmp_path / "landmarks.mrk.json"))
    assert np.allclose(slicer.util.arrayFromMarkupsControlPoints(again), [[1, 2, 3]])


def addSegmentation(slicer, volume):
    """Two segments in the volume's voxels."""
    segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "organs")
    segmentation.CreateDefaultDisplayNodes()
    segmentation.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    for name, part in (("liver", np.s_[1:4]), ("kidney", np.s_[5:7])):
        mask = np.zeros((8, 7, 6), np.uint8)
        mask[part, 2:5, 2:5] = 1
        segmentID = segmentation.GetSegmentation().AddEmptySegment(name, name)
        slicer.util.updateSegmentBinaryLabelmapFromArray(mask, segmentation, segmentID, volume)
    return segmentation


def test_a_segmentation_comes_back_with_its_names(scene, tmp_path):
    import slicer

    volume = addVolume(slicer)
    segmentation = addSegmentation(slicer, volume)
    slicer.util.saveNode(segmentation, str(tmp_path / "organs.seg.nrrd"))
    again = slicer.util.loadSegmentation(str(tmp_path / "organs.seg.nrrd"))
    assert tuple(again.GetSegmentation().GetSegmentIDs()) == ("liver", "kidney")
    assert slicer.util.arrayFromSegmentBinaryLabelmap(again, "liver", volume).sum() == 27


def test_a_bundle_keeps_nodes_and_parents(scene, tmp_path):
    import slicer

    volume = addVolume(slicer)
    volume.SetAndObserveTransformNodeID(addShift(slicer, 5).GetID())
    addSegmentation(slicer, volume)
    voxels = slicer.util.arrayFromVolume(volume).copy()
    assert slicer.util.saveScene(str(tmp_path / "scene.mrb"))
    scene.Clear(0)
    assert scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") == 0
    slicer.util.loadScene(str(tmp_path / "scene.mrb"))
    again = slicer.util.getNode("head")
    assert np.array_equal(slicer.util.arrayFromVolume(again), voxels)
    assert again.GetParentTransformNode().GetName() == "shift"
    assert slicer.util.getNode("organs").GetSegmentation().GetNumberOfSegments() == 2


def test_export_bakes_the_parent_in_and_leaves_the_node_alone(scene, tmp_path):
    import slicer

    volume = addVolume(slicer)
    volume.SetAndObserveTransformNodeID(addShift(slicer, 5).GetID())
    nodes = scene.GetNumberOfNodes()
    assert slicer.util.exportNode(volume, str(tmp_path / "world.nrrd"), {}, world=True)
    assert slicer.util.exportNode(volume, str(tmp_path / "local.nrrd"), {}, world=False)
    world, local = (sitk.ReadImage(str(tmp_path / f"{name}.nrrd")) for name in ("world", "local"))
    assert np.allclose(np.subtract(world.GetOrigin(), local.GetOrigin()), (-5, 0, 0))  # +5 along R is -5 along L
    assert volume.GetParentTransformNode().GetName() == "shift"
    assert volume.GetStorageNode() is None
    assert scene.GetNumberOfNodes() == nodes


def test_a_skewed_volume_survives_in_memory(scene):
    import slicer

    matrix = slicer.util.vtkMatrixFromArray(SHEAR)
    volume = addVolume(slicer, ijkToRAS=SHEAR)
    volume.GetIJKToRASMatrix(matrix)
    assert volume.GetImageData().GetDimensions() == (6, 7, 8)


def test_a_missing_file_is_an_error(scene, tmp_path):
    import slicer

    with pytest.raises(RuntimeError, match="Failed to load node from file"):
        slicer.util.loadVolume(str(tmp_path / "nothing.nrrd"))


def test_a_broken_file_leaves_nothing_in_the_scene(scene, tmp_path):
    import slicer

    (tmp_path / "broken.seg.nrrd").write_text("not an image")
    nodes = scene.GetNumberOfNodes()
    with pytest.raises(RuntimeError, match="Failed to load node from file"):
        slicer.util.loadSegmentation(str(tmp_path / "broken.seg.nrrd"))
    assert scene.GetNumberOfNodes() == nodes


def test_data_nodes_get_an_item_in_the_subject_hierarchy_while_they_live(scene):
    import slicer

    volume = addVolume(slicer)
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    assert hierarchy.GetItemByDataNode(volume)
    scene.RemoveNode(volume)
    assert hierarchy.GetNumberOfItems() == 0
