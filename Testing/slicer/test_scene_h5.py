"""The engine's .h5 transforms, which it writes itself, in Slicer's own reader."""

import numpy as np
from moduleSteps import smoothNoise

LPS = np.diag([-1.0, -1.0, 1.0])


def test_slicer_reads_an_h5_transform_of_the_engine(scene, tmp_path):
    import slicer
    from sitreg_engine.fields import DisplacementField
    from sitreg_engine.geometry import Grid
    from sitreg_engine.writing import write_transform

    grid = Grid((14, 12, 10), (1.0, 2.0, 1.5), (10.0, -20.0, 30.0), (0.0, -1.0, 0.0, 0.6, 0.0, 0.8, -0.8, 0.0, 0.6))
    field = DisplacementField((4.0 * smoothNoise((3, *grid.shape), 1)).astype(np.float32), grid)
    write_transform(field, tmp_path / "forward.h5")
    transform = slicer.util.loadTransform(str(tmp_path / "forward.h5")).GetTransformFromParent()
    # At the centres of voxels, where it does not matter that Slicer interpolates such a file by cubes.
    voxels = np.argwhere(np.ones([n - 2 for n in grid.shape])) + 1
    points = voxels @ grid.voxel_to_world[:3, :3].T + grid.voxel_to_world[:3, 3]
    mapped = np.array([transform.TransformPoint(point) for point in points @ LPS]) @ LPS
    np.testing.assert_allclose(mapped, field.map_points(points), atol=1e-4)
