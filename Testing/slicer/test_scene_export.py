"""What the engine is given: volumes, masks and labels where they lie in the world."""

import numpy as np
import pytest
import SimpleITK as sitk
from moduleSteps import ORIENTATIONS, addLinearTransform, addSegmentation, addVolume, rotation, runSteps

LPS = np.diag([-1.0, -1.0, 1.0])


@pytest.fixture
def pair(scene):
    """A fixed and a moving volume, oblique and left-handed."""
    voxels = np.arange(8 * 9 * 10, dtype=np.float32).reshape(8, 9, 10)
    return (
        addVolume(voxels, "fixed", ORIENTATIONS["oblique"], (3, 4, 5)),
        addVolume(voxels[::-1].copy(), "moving", ORIENTATIONS["left-handed"], (-3, 1, 2)),
    )


def export(folder, pair, **choices):
    """The engine's job for a request."""
    from SITRegSlicerLib.labelExport import segmentNames
    from SITRegSlicerLib.registrationRequest import RegistrationRequest
    from SITRegSlicerLib.sceneExport import exportSteps

    names = segmentNames(choices.get("fixedLabels"), choices.get("movingLabels"))
    return runSteps(exportSteps(RegistrationRequest(*pair, **choices), "7", folder, names)).value


def valueAt(image, lpsPoint):
    return image[image.TransformPhysicalPointToIndex(lpsPoint.tolist())]


def nodeIds(scene):
    return {scene.GetNthNode(n).GetID() for n in range(scene.GetNumberOfNodes())}


def worldPoint(volume, i, j, k):
    """The world position (RAS mm) of a voxel, parents included."""
    import vtk

    matrix, world = vtk.vtkMatrix4x4(), vtk.vtkGeneralTransform()
    volume.GetIJKToRASMatrix(matrix)
    if volume.GetParentTransformNode() is not None:
        volume.GetParentTransformNode().GetTransformToWorld(world)
    return np.array(world.TransformPoint(matrix.MultiplyPoint((i, j, k, 1))[:3]))


def testEveryVoxelIsWrittenWhereItLies(pair, tmp_path):
    import slicer

    job = export(tmp_path, pair)
    for volume, path in zip(pair, (job.fixed, job.moving), strict=True):
        image, array = sitk.ReadImage(path), slicer.util.arrayFromVolume(volume)
        for i, j, k in ((0, 0, 0), (9, 8, 7), (2, 5, 3)):
            assert valueAt(image, LPS @ worldPoint(volume, i, j, k)) == array[k, j, i]


def testParentTransformsAreHonoured(pair, tmp_path):
    import slicer

    inner = addLinearTransform(rotation(25, 1, (10, 20, 30)), "inner")
    outer = addLinearTransform(rotation(-70, 0, (-5, 0, 8)), "outer")
    inner.SetAndObserveTransformNodeID(outer.GetID())
    pair[1].SetAndObserveTransformNodeID(inner.GetID())
    image = sitk.ReadImage(export(tmp_path, pair).moving)
    array = slicer.util.arrayFromVolume(pair[1])
    for i, j, k in ((0, 0, 0), (9, 8, 7), (2, 5, 3)):
        assert valueAt(image, LPS @ worldPoint(pair[1], i, j, k)) == array[k, j, i]
    assert pair[1].GetParentTransformNode() is inner  # exporting changes nothing in the scene


def testTheJobCarriesTheChoices(pair, tmp_path):
    job = export(tmp_path, pair, model="other", device="cuda:1", affine="rigid", refine="0", workingSpacing=2.5)
    assert (job.id, job.model, job.device, job.affine, job.refine, job.spacing) == (
        "7", "other", "cuda:1", "rigid", "0", 2.5,
    )  # fmt: skip
    assert job.format == "nrrd"
    assert (job.fixed_mask, job.moving_labels) == ("", "")


def boxes(volume):
    """Three disjoint regions on the voxels of a volume."""
    import slicer

    shape = slicer.util.arrayFromVolume(volume).shape
    regions = [np.zeros(shape, bool) for _ in range(3)]
    regions[0][1:3, 2:5, 2:6], regions[1][4:6, 2:5, 2:6], regions[2][4:6, 6:8, 7:9] = True, True, True
    return regions


def testSegmentsOfOneNameHaveOneNumberInBothFiles(pair, tmp_path):
    liver, kidney, spleen = boxes(pair[0])
    fixedLabels = addSegmentation(pair[0], {"Leber": liver, "kidney": kidney})
    movingLabels = addSegmentation(pair[1], {"kidney": kidney, "spleen": spleen, "Leber": liver})
    job = export(tmp_path, pair, fixedLabels=fixedLabels, movingLabels=movingLabels)
    for volume, path in zip(pair, (job.fixed_labels, job.moving_labels), strict=True):
        image = sitk.ReadImage(path)
        numbers = {
            name: valueAt(image, LPS @ worldPoint(volume, *np.argwhere(region)[0][::-1]))
            for name, region in (("Leber", liver), ("kidney", kidney), ("spleen", spleen))
        }
        assert (numbers["Leber"], numbers["kidney"]) == (1, 2)
        assert numbers["spleen"] == (3 if volume is pair[1] else 0)


def testASegmentWithinAnotherIsWrittenInWhateverOrderTheyAre(pair, tmp_path):
    brain, tumour = np.zeros((2, 8, 9, 10), bool)
    brain[1:7, 1:8, 1:9], tumour[3:5, 3:6, 3:6] = True, True
    fixedLabels = addSegmentation(pair[0], {"tumour": tumour, "brain": brain})
    movingLabels = addSegmentation(pair[1], {"brain": brain, "tumour": tumour})
    job = export(tmp_path, pair, fixedLabels=fixedLabels, movingLabels=movingLabels)
    for path in (job.fixed_labels, job.moving_labels):
        found = np.bincount(sitk.GetArrayFromImage(sitk.ReadImage(path)).ravel())
        assert list(found[1:]) == [brain.sum() - tumour.sum(), tumour.sum()]


def testASegmentMayBeCalledBackground(pair, tmp_path):
    region, other, _ = boxes(pair[0])
    labels = addSegmentation(pair[0], {"tumour": other, "background": region})
    image = sitk.ReadImage(export(tmp_path, pair, fixedLabels=labels).fixed_labels)
    numbers = [valueAt(image, LPS @ worldPoint(pair[0], *np.argwhere(each)[0][::-1])) for each in (other, region)]
    assert numbers == [1, 2]


def testASegmentationIsWrittenOnTheVoxelsOfItsVolume(pair, tmp_path):
    mask = addSegmentation(pair[0], {"head": boxes(pair[0])[0]})
    job = export(tmp_path, pair, fixedMask=mask)
    written, volume = sitk.ReadImage(job.fixed_mask), sitk.ReadImage(job.fixed)
    assert written.GetSize() == volume.GetSize()
    assert np.allclose(written.GetOrigin(), volume.GetOrigin(), atol=1e-4)
    assert sitk.GetArrayViewFromImage(written).sum() == boxes(pair[0])[0].sum()


def testAMaskFollowsTheParentTransformOfItsVolume(pair, tmp_path):
    region = boxes(pair[0])[0]
    mask = addSegmentation(pair[0], {"head": region})
    parent = addLinearTransform(rotation(25, 1, (10, 20, 30)), "scanner")
    for node in (pair[0], mask):
        node.SetAndObserveTransformNodeID(parent.GetID())
    image = sitk.ReadImage(export(tmp_path, pair, fixedMask=mask).fixed_mask)
    for k, j, i in np.argwhere(region):
        assert valueAt(image, LPS @ worldPoint(pair[0], i, j, k)) == 1
    assert sitk.GetArrayViewFromImage(image).sum() == region.sum()


def testALabelMapIsWrittenWithItsOwnNumbers(pair, tmp_path, scene):
    import slicer

    labels = scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "labels")
    labels.CopyOrientation(pair[0])
    array = np.zeros((8, 9, 10), np.int16)
    array[2, 3, 4] = 17
    slicer.util.updateVolumeFromArray(labels, array)
    image = sitk.ReadImage(export(tmp_path, pair, fixedLabels=labels).fixed_labels)
    assert valueAt(image, LPS @ worldPoint(pair[0], 4, 3, 2)) == 17


def testExportingLeavesTheSceneAsItWas(pair, tmp_path, scene):
    mask = addSegmentation(pair[0], {"head": boxes(pair[0])[0]})
    before = nodeIds(scene)
    export(tmp_path, pair, fixedMask=mask)
    assert nodeIds(scene) == before


def testASegmentationWithoutSegmentsIsRefusedByName(pair, tmp_path, scene):
    from SITRegSlicerLib.registrationRequest import RequestError

    nothing = addSegmentation(pair[0], {}, "nothing")
    before = nodeIds(scene)
    with pytest.raises(RequestError, match="'nothing' has no segments"):
        export(tmp_path, pair, fixedMask=nothing)
    assert nodeIds(scene) == before


def testAVolumeThatCannotBeWrittenIsRefusedByName(pair, tmp_path):
    from SITRegSlicerLib.registrationRequest import RequestError

    (tmp_path / "fixed.nrrd").mkdir()  # in the way
    with pytest.raises(RequestError, match="'fixed' could not be written"):
        export(tmp_path, pair)


def testOddNamesAndFoldersDoNoHarm(pair, tmp_path):
    folder = tmp_path / "Größe (2) & 'söhne' 名前"
    folder.mkdir()
    pair[0].SetName('Pre/post "T1" %20 日本; rm')
    job = export(folder, pair)
    for path in (job.fixed, job.moving):
        assert str(folder) in path
        with open(path, "rb") as file:
            assert file.read(4) == b"NRRD"


def shear(amount, degrees=25):
    """A rotation and a shear, in one matrix (RAS mm)."""
    matrix = np.eye(4)
    matrix[0, 1] = amount
    return rotation(degrees, 2, (5, -3, 2)) @ matrix


@pytest.mark.parametrize("orientation", ["oblique", "left-handed"])
def testAVolumeUnderATransformThatShearsIsWrittenOnPerpendicularAxes(scene, tmp_path, orientation):
    import slicer

    ramp = np.add.outer(np.add.outer(3.0 * np.arange(20), 2.0 * np.arange(22)), np.arange(24.0)).astype(np.float32)
    volumes = [addVolume(ramp, name, ORIENTATIONS[orientation], (3, 4, 5)) for name in ("fixed", "moving")]
    volumes[1].SetAndObserveTransformNodeID(addLinearTransform(shear(0.15), "affine").GetID())
    before = nodeIds(scene)
    image = sitk.ReadImage(export(tmp_path, volumes).moving)
    assert nodeIds(scene) == before
    axes = np.array(image.GetDirection()).reshape(3, 3)
    assert np.allclose(axes.T @ axes, np.eye(3), atol=1e-6)
    array = slicer.util.arrayFromVolume(volumes[1])
    for i, j, k in ((12, 11, 10), (2, 3, 4), (21, 18, 17), (1, 20, 1)):
        point = (LPS @ worldPoint(volumes[1], i, j, k)).tolist()
        assert image.EvaluateAtPhysicalPoint(point, sitk.sitkLinear) == pytest.approx(array[k, j, i], abs=0.05)


def testAVolumeThatIsShearedItselfStillFollowsANonlinearTransform(scene, tmp_path):
    import vtk

    import slicer

    ramp = np.add.outer(np.add.outer(3.0 * np.arange(20), 2.0 * np.arange(22)), np.arange(24.0)).astype(np.float32)
    volume = addVolume(ramp, "hardened")
    volume.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(shear(0.15)))
    moved, corners = vtk.vtkThinPlateSplineTransform(), vtk.vtkPoints()
    for corner in np.ndindex(2, 2, 2):
        corners.InsertNextPoint(*(100.0 * np.array(corner) - 50))
    targets = vtk.vtkPoints()
    targets.DeepCopy(corners)
    for number in range(8):
        x, y, z = corners.GetPoint(number)
        targets.SetPoint(number, x, y, z + 5)
    moved.SetSourceLandmarks(corners)
    moved.SetTargetLandmarks(targets)
    moved.SetBasisToR()
    above = scene.AddNewNodeByClass("vtkMRMLTransformNode", "warp")
    above.SetAndObserveTransformToParent(moved)
    volume.SetAndObserveTransformNodeID(above.GetID())
    image = sitk.ReadImage(export(tmp_path, (volume, addVolume(ramp, "fixed"))).fixed)
    for i, j, k in ((12, 11, 10), (4, 5, 6), (18, 16, 15)):
        point = (LPS @ worldPoint(volume, i, j, k)).tolist()
        assert image.EvaluateAtPhysicalPoint(point, sitk.sitkLinear) == pytest.approx(ramp[k, j, i], abs=0.3)


def testShearedLabelsKeepTheirNumbers(scene, tmp_path):
    import slicer
    from SITRegSlicerLib.labelExport import exportVolume

    labels = scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "labels")
    array = np.zeros((20, 22, 24), np.int16)
    array[4:12, 5:15, 6:18], array[12:16, 5:15, 6:18] = 700, 3
    slicer.util.updateVolumeFromArray(labels, array)
    labels.SetAndObserveTransformNodeID(addLinearTransform(shear(0.2), "affine").GetID())
    exportVolume(labels, tmp_path / "labels.nrrd")
    found = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "labels.nrrd")))
    assert set(np.unique(found)) == {0, 3, 700}
    assert (found == 700).sum() == pytest.approx(960, rel=0.05) and (found == 3).sum() == pytest.approx(480, rel=0.05)


def testVolumesWithPerpendicularAxesAreNotResampled(pair):
    from SITRegSlicerLib.straightGrid import isSheared, onStraightGrid

    pair[1].SetAndObserveTransformNodeID(addLinearTransform(rotation(33, 1), "rigid").GetID())
    assert not isSheared(pair[0]) and not isSheared(pair[1])
    with onStraightGrid(pair[1]) as same:
        assert same is pair[1]
