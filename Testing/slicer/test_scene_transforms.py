"""Transform nodes: the engine's files in the scene, their links, and volumes put under them."""

import numpy as np
import pytest
from moduleSteps import ORIENTATIONS, addLinearTransform, addVolume, orthonormal, rotation, runSteps, smoothNoise

LPS = np.diag([-1.0, -1.0, 1.0])


def writeField(path, matrix, seed):
    """A displacement file as the engine writes it, smooth, about 4 mm strong, on an RAS index matrix; and its map."""
    import SimpleITK as sitk

    from sitreg_engine.fields import DisplacementField
    from sitreg_engine.images import grid_of, to_sitk

    shape = (24, 22, 20)  # i, j, k
    lps = LPS @ orthonormal(matrix)
    spacing = np.linalg.norm(lps, axis=0)
    reference = sitk.Image(shape, sitk.sitkFloat32)
    reference.SetSpacing(spacing.tolist())
    reference.SetDirection((lps / spacing).ravel().tolist())
    reference.SetOrigin((5.0, -7.0, 11.0))
    vectors = (4.0 * smoothNoise((3, *shape), seed)).astype(np.float32)
    grid = grid_of(reference)
    sitk.WriteImage(to_sitk(vectors, grid), str(path))
    return DisplacementField(vectors, grid)


def pointsIn(grid, count=200):
    """Random LPS points inside a grid, at least two voxels from its edge."""
    rng = np.random.default_rng(0)
    voxels = 2 + rng.random((count, 3)) * (np.array(grid.shape) - 5)
    return voxels @ grid.voxel_to_world[:3, :3].T + grid.voxel_to_world[:3, 3]


def throughMrml(node, points, fromParent=True):
    """LPS points through the map of a transform node."""
    transform = node.GetTransformFromParent() if fromParent else node.GetTransformToParent()
    return np.array([transform.TransformPoint(point) for point in points @ LPS]) @ LPS


@pytest.fixture
def pair(scene):
    """A fixed and a moving volume."""
    voxels = np.zeros((8, 9, 10), np.float32)
    voxels[3:6] = 1
    return addVolume(voxels, "fixed"), addVolume(voxels, "moving")


def importTransforms(pair, folder, forwardMatrix, inverseMatrix):
    """The nodes of a result that has two transform files, and the engine's two maps."""
    from sitreg_engine import contract
    from SITRegSlicerLib.registrationRequest import Output, OutputChoices, RegistrationRequest
    from SITRegSlicerLib.sceneImport import importSteps

    files = {name: str(folder / f"{name}.nrrd") for name in ("forward", "inverse")}
    maps = writeField(files["forward"], forwardMatrix, 1), writeField(files["inverse"], inverseMatrix, 2)
    outputs = OutputChoices(warpedVolume=Output.NONE, jacobianVolume=Output.NONE)
    answer = contract.Result("1", str(folder), files, [], {}, "cpu")
    return runSteps(importSteps(RegistrationRequest(*pair, outputs), answer)).value, maps


@pytest.mark.parametrize("fixedOrientation", ORIENTATIONS)
@pytest.mark.parametrize("movingOrientation", ["straight", "oblique", "left-handed"])
def testTheNodesMapPointsAsTheEngineDoes(pair, tmp_path, fixedOrientation, movingOrientation):
    matrices = ORIENTATIONS[fixedOrientation], ORIENTATIONS[movingOrientation]
    result, maps = importTransforms(pair, tmp_path, *matrices)
    for node, engineMap in zip((result.forwardTransform, result.inverseTransform), maps, strict=True):
        points = pointsIn(engineMap.grid)
        wanted = engineMap.map_points(points)
        assert np.linalg.norm(wanted - points, axis=1).max() > 2.0  # the field does move them
        assert np.linalg.norm(throughMrml(node, points) - wanted, axis=1).max() < 0.02


def testTheNodesAreGridsWithLinearInterpolation(pair, tmp_path):
    import slicer

    result, _ = importTransforms(pair, tmp_path, ORIENTATIONS["straight"], ORIENTATIONS["oblique"])
    for node in (result.forwardTransform, result.inverseTransform):
        assert node.GetClassName() == "vtkMRMLGridTransformNode"
        assert isinstance(node.GetTransformFromParent(), slicer.vtkOrientedGridTransform)
        assert node.GetTransformFromParent().GetInterpolationModeAsString() == "Linear"


def testWhatIsSavedFromTheSceneMapsInItkAsTheEngineDoes(pair, tmp_path):
    """Stored FromParent: the other direction would be written as an inverse that ITK cannot read."""
    import SimpleITK as sitk

    import slicer

    result, maps = importTransforms(pair, tmp_path, ORIENTATIONS["oblique"], ORIENTATIONS["straight"])
    for node, engineMap in zip((result.forwardTransform, result.inverseTransform), maps, strict=True):
        path = str(tmp_path / f"{node.GetID()}.h5")
        assert slicer.util.saveNode(node, path)
        transform, points = sitk.ReadTransform(path), pointsIn(engineMap.grid, 50)
        moved = np.array([transform.TransformPoint(point) for point in points.tolist()])
        assert np.abs(moved - engineMap.map_points(points)).max() < 0.02


def testTheTransformsKnowEachOtherAndTheVolumes(pair, tmp_path):
    from SITRegSlicerLib.transformNodes import linkedPair

    result, _ = importTransforms(pair, tmp_path, ORIENTATIONS["straight"], ORIENTATIONS["straight"])
    forward, inverse = result.forwardTransform, result.inverseTransform
    assert forward.GetNodeReference("inverseTransform") is inverse
    assert inverse.GetNodeReference("inverseTransform") is forward
    assert linkedPair(forward) == pair
    assert linkedPair(inverse) == pair


def testATransformAloneIsLinkedToNoOther(pair, scene):
    from SITRegSlicerLib.transformNodes import linkTransforms

    alone = scene.AddNewNodeByClass("vtkMRMLGridTransformNode", "alone")
    linkTransforms(alone, None, *pair)
    assert alone.GetNodeReference("inverseTransform") is None


def testATransformThatIsOverwrittenIsNoLongerTheInverseOfWhatItWas(pair, scene):
    from SITRegSlicerLib.transformNodes import linkTransforms

    first, second, third = (scene.AddNewNodeByClass("vtkMRMLGridTransformNode", name) for name in "abc")
    linkTransforms(first, second, *pair)
    linkTransforms(first, None, *pair)
    assert first.GetNodeReference("inverseTransform") is None and second.GetNodeReference("inverseTransform") is None
    linkTransforms(first, second, *pair)
    linkTransforms(first, third, *pair)
    assert second.GetNodeReference("inverseTransform") is None
    assert third.GetNodeReference("inverseTransform") is first


def worldCorner(volume):
    """Where voxel (1, 2, 3) of a volume lies in the world, RAS mm."""
    import vtk

    toRas = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(toRas)
    toWorld = vtk.vtkGeneralTransform()
    if volume.GetParentTransformNode() is not None:
        volume.GetParentTransformNode().GetTransformToWorld(toWorld)
    return np.array(toWorld.TransformPoint(toRas.MultiplyPoint((1, 2, 3, 1))[:3]))


def testAVolumeIsPutUnderTheTransformAndTakenOutAgain(pair, scene):
    from SITRegSlicerLib.transformNodes import isUnder, linkTransforms, putUnder, takeOut

    moving = pair[1]
    forward = addLinearTransform(rotation(30))
    linkTransforms(forward, None, *pair)
    assert not isUnder(moving, forward)
    putUnder(moving, forward)
    assert isUnder(moving, forward)
    takeOut(moving)
    assert moving.GetParentTransformNode() is None


def testAVolumeWithAParentIsMovedFromWhereItWas(pair, scene):
    from SITRegSlicerLib.transformNodes import isUnder, putUnder

    fixed, moving = pair
    parent = addLinearTransform(rotation(20, 0, (5, 6, 7)), "scanner")
    for volume in pair:
        volume.SetAndObserveTransformNodeID(parent.GetID())
    forward = addLinearTransform(rotation(30, 2, (1, 2, 3)), "forward")
    before, fixedBefore = worldCorner(moving), worldCorner(fixed)
    putUnder(moving, forward)
    wanted = (rotation(30, 2, (1, 2, 3)) @ [*before, 1])[:3]
    assert np.allclose(worldCorner(moving), wanted, atol=1e-6)
    assert isUnder(moving, forward)
    assert np.array_equal(worldCorner(fixed), fixedBefore)  # though it hangs on the same parent


def testTakingAVolumeOutRestoresItsParentAndLeavesNothingBehind(pair, scene):
    from SITRegSlicerLib.transformNodes import putUnder, takeOut

    moving = pair[1]
    parent = addLinearTransform(rotation(20, 0, (5, 6, 7)), "scanner")
    moving.SetAndObserveTransformNodeID(parent.GetID())
    forward = addLinearTransform(rotation(30), "forward")
    count, before = scene.GetNumberOfNodes(), worldCorner(moving)
    putUnder(moving, forward)
    putUnder(moving, forward)  # a second time changes nothing
    assert scene.GetNumberOfNodes() == count + 1
    takeOut(moving)
    assert moving.GetParentTransformNode() is parent
    assert scene.GetNumberOfNodes() == count
    assert np.allclose(worldCorner(moving), before)


def testAParentThatIsNotOursIsLeftAlone(pair, scene):
    from SITRegSlicerLib.transformNodes import takeOut

    parent = addLinearTransform(rotation(20), "scanner")
    pair[1].SetAndObserveTransformNodeID(parent.GetID())
    takeOut(pair[1])
    assert pair[1].GetParentTransformNode() is parent


def testAResultOfAnotherModuleIsAParentLikeAnyOther(pair, scene):
    import slicer
    from SITRegSlicerLib.transformNodes import linkTransforms, putUnder, resultAbove, takeOut

    fixed, moving = pair
    other = addLinearTransform(rotation(20), "of another module")
    other.SetNodeReferenceID(slicer.vtkMRMLTransformNode.GetFixedNodeReferenceRole(), fixed.GetID())
    other.SetNodeReferenceID(slicer.vtkMRMLTransformNode.GetMovingNodeReferenceRole(), moving.GetID())
    moving.SetAndObserveTransformNodeID(other.GetID())
    before, forward = worldCorner(moving), addLinearTransform(rotation(0, 2, (1, 2, 3)), "forward")
    linkTransforms(forward, None, *pair)
    assert resultAbove(moving) is None
    putUnder(moving, forward)
    assert resultAbove(moving) is forward
    assert np.allclose(worldCorner(moving) - before, [1, 2, 3])
    takeOut(moving)
    assert moving.GetParentTransformNode() is other


def testANodeIsTakenOutForAMomentAndPutBackWhateverHappens(pair, scene):
    from SITRegSlicerLib.transformNodes import linkTransforms, putUnder, takenOut

    moving = pair[1]
    forward = addLinearTransform(rotation(30), "forward")
    linkTransforms(forward, None, *pair)
    putUnder(moving, forward)
    with pytest.raises(OSError), takenOut(moving):
        assert moving.GetParentTransformNode() is None
        raise OSError
    assert moving.GetParentTransformNode() is forward
    with takenOut(pair[0]):  # nothing is above it
        assert pair[0].GetParentTransformNode() is None


def testMovingFromOneRegistrationToAnotherIsNotBothAtOnce(pair, scene):
    from SITRegSlicerLib.transformNodes import isUnder, linkTransforms, putUnder

    moving = pair[1]
    forwards = [addLinearTransform(rotation(degrees), f"forward {degrees}") for degrees in (10, 40)]
    for forward in forwards:
        linkTransforms(forward, None, *pair)
        putUnder(moving, forward)
    assert isUnder(moving, forwards[1])
    assert not isUnder(moving, forwards[0])


def testAVolumeIsTakenOutOfTheTransformItWasPutUnderWhateverMadeIt(pair, scene):
    from SITRegSlicerLib.transformNodes import isPutUnder, putUnder, takeOut

    moving, plain = pair[1], addLinearTransform(rotation(30), "loaded from a file")
    putUnder(moving, plain)
    assert isPutUnder(moving, plain)
    takeOut(moving, plain)
    assert moving.GetParentTransformNode() is None


def testBelowATransformOfTheUsersItIsUnderButNotPutUnder(pair, scene):
    from SITRegSlicerLib.transformNodes import isPutUnder, isUnder, takeOut

    moving, forward, between = pair[1], addLinearTransform(rotation(30)), addLinearTransform(rotation(10), "between")
    between.SetAndObserveTransformNodeID(forward.GetID())
    moving.SetAndObserveTransformNodeID(between.GetID())
    assert isUnder(moving, forward) and not isPutUnder(moving, forward)
    takeOut(moving, forward)
    assert moving.GetParentTransformNode() is between


def testAVolumeStaysInItsPlaceWhenItsFormerParentIsGone(pair, scene):
    from SITRegSlicerLib.transformNodes import linkTransforms, putUnder, takeOut

    moving = pair[1]
    parent, forward = addLinearTransform(rotation(20, 0, (5, 6, 7)), "scanner"), addLinearTransform(rotation(30))
    linkTransforms(forward, None, *pair)
    moving.SetAndObserveTransformNodeID(parent.GetID())
    before = worldCorner(moving)
    putUnder(moving, forward)
    registered = worldCorner(moving)
    scene.RemoveNode(parent)
    assert np.allclose(worldCorner(moving), registered)
    takeOut(moving)
    assert np.allclose(worldCorner(moving), before)
    putUnder(moving, forward)  # once more, with the copy as the parent
    assert np.allclose(worldCorner(moving), registered)
    takeOut(moving)
    assert np.allclose(worldCorner(moving), before)


def testAFormerParentThatIsMovedDoesNotMoveTheVolumeUnderTheResult(pair, scene):
    import slicer
    from SITRegSlicerLib.transformNodes import putUnder

    moving = pair[1]
    parent = addLinearTransform(rotation(20, 0, (5, 6, 7)), "scanner")
    moving.SetAndObserveTransformNodeID(parent.GetID())
    putUnder(moving, addLinearTransform(rotation(30)))
    registered = worldCorner(moving)
    parent.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(rotation(0, 2, (90, 0, 0))))
    assert np.allclose(worldCorner(moving), registered)
