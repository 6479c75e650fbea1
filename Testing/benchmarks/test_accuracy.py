"""The benchmark's scorer and the engine's measures are two pieces of code: on saved files they must agree."""

import json

import numpy as np
import pytest
import SimpleITK as sitk
from accuracy_folds import determinants, folded_voxels
from accuracy_saved import Map, read_saved, seen
from accuracy_scorer import Question, score

from sitreg_engine.contract import Job
from sitreg_engine.fields import DisplacementField
from sitreg_engine.geometry import Grid, apply
from sitreg_engine.images import Volume, to_sitk
from sitreg_engine.outputs import staged
from sitreg_engine.quality.consistency import inverse_consistency
from sitreg_engine.quality.jacobian import folds, jacobian_maps, jacobian_measures
from sitreg_engine.quality.overlap import label_overlaps, overlap_measures
from sitreg_engine.quality.warp import warp_labels
from sitreg_engine.record import Record

TURN = np.linalg.qr(np.array([[2.0, 0.3, -0.4], [0.5, 1.5, 0.2], [-0.1, 0.6, 1.8]]))[0]


def centred(shape, spacing, direction) -> Grid:
    grid = Grid(shape, spacing, (0.0, 0.0, 0.0), tuple(direction.ravel()))
    move = np.eye(4)
    move[:3, 3] = -grid.centre
    return grid.transformed(move)


FIXED, FIXED_BOX = centred((26, 24, 22), (1.0, 1.5, 1.2), TURN), centred((32, 30, 28), (1.0, 1.5, 1.2), TURN)
MOVING, MOVING_BOX = centred((22, 26, 24), (1.3, 1.1, 1.2), -TURN), centred((28, 32, 30), (1.3, 1.1, 1.2), -TURN)


def positions(grid: Grid) -> np.ndarray:
    return apply(grid.voxel_to_world, np.moveaxis(np.indices(grid.shape), 0, -1))


def field_on(grid: Grid, sign: float, roughness: float) -> DisplacementField:
    """A wave, or nearly its inverse, with enough noise to fold here and there."""
    points = positions(grid)
    wave = sign * 1.5 * np.stack([np.sin(points[..., (c + 1) % 3] / 6 + c) for c in range(3)])
    noise = np.random.default_rng(0).normal(0, roughness, wave.shape)
    return DisplacementField((wave + noise).astype(np.float32), grid)


def labels_on(grid: Grid, shift: float) -> Volume:
    """Four quarters of a ball."""
    points = positions(grid) + np.array([shift, 0.0, -shift])
    quarter = 1 + (points[..., 0] > 0) + 2 * (points[..., 1] > 0)
    return Volume((quarter * (np.linalg.norm(points, axis=-1) < 10)).astype(np.int16), grid)


FORWARD, INVERSE = field_on(FIXED_BOX, 1.0, 0.25), field_on(MOVING_BOX, -1.0, 0.25)
LABELS = labels_on(FIXED, 0.0), labels_on(MOVING, 1.5)


def own_measures() -> list:
    warped = warp_labels(LABELS[1], FORWARD, FIXED)
    return [
        *overlap_measures(label_overlaps(LABELS[0].array, warped, FIXED, [1, 2, 3, 4])),
        *jacobian_measures(jacobian_maps(FORWARD), "forward"),
        *jacobian_measures(jacobian_maps(INVERSE), "inverse"),
    ]


def write_result(folder, file_format: str) -> None:
    job = Job("1", "fixed.nii.gz", "moving.nii.gz", str(folder), format=file_format)
    record = Record(job, [], "sitreg", "", "", "cpu", {}, 0.0, own_measures())
    with staged(str(folder)) as files:
        files.add_transform("forward", FORWARD, file_format)
        files.add_transform("inverse", INVERSE, file_format)
        files.publish(record)
    for name, labels in zip(("fixed", "moving"), LABELS, strict=True):
        sitk.WriteImage(to_sitk(labels.array, labels.grid), str(folder / f"{name}.nrrd"))


@pytest.fixture(scope="module", params=["h5", "nrrd"])
def scored(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    write_result(folder, request.param)
    return score(Question(folder / "fixed.nrrd", folder / "moving.nrrd", folder, None)), folder


def test_dice_and_distances_are_those_of_the_engine(scored):
    found, folder = scored
    record = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    own = {measure["name"]: measure["value"] for measure in record["measures"]}
    assert found.dice == pytest.approx(own["dice_mean"], abs=1e-3)
    assert found.distances.hd95 == pytest.approx(own["hd95_mean"], abs=1e-3)
    assert 0.3 < found.dice < 0.95 and found.labels == 4


def test_folds_are_those_of_the_engine_voxel_by_voxel(scored):
    found, folder = scored
    saved = read_saved(folder, None)
    for by, field in ((saved.forward, FORWARD), (saved.inverse, INVERSE)):
        ours = folds(jacobian_maps(field).smallest)
        assert 0 < ours.sum() < ours.size / 2
        assert np.count_nonzero(folded_voxels(by.field).transpose(2, 1, 0) != ours) <= 1
    assert 0 < found.folds.inside < folds(jacobian_maps(FORWARD).smallest).sum()


def test_inverse_errors_inside_the_anatomy_are_those_of_the_engine(scored):
    found, _ = scored
    ball = Volume((LABELS[0].array > 0).astype(np.uint8), FIXED)
    ours = inverse_consistency(FORWARD, INVERSE, FIXED, ball)
    assert found.consistency.mean == pytest.approx(float(ours.millimetres.mean()), rel=1e-4)
    assert found.consistency.p95 == pytest.approx(float(np.percentile(ours.millimetres, 95)), rel=1e-4)
    assert found.consistency.most == pytest.approx(float(ours.millimetres.max()), rel=1e-4)
    assert found.consistency.left_out == ours.left_out == 0


def test_nan_folds():
    broken = FORWARD.vectors.copy()
    broken[1, 9, 9, 9] = np.nan
    folded = folded_voxels(to_sitk(broken.astype(np.float64), FIXED_BOX))
    assert folded[9, 9, 9] and folded[9, 9, 10] and folded[8, 9, 9]


def test_the_determinants_of_an_affine_field_are_its_determinant():
    matrix = np.array([[1.05, 0.1, 0.0], [-0.08, 0.97, 0.03], [0.0, 0.04, 1.02]])
    points = positions(MOVING_BOX)
    field = to_sitk(np.moveaxis(points @ matrix.T - points, -1, 0), MOVING_BOX)
    assert np.allclose(determinants(field), np.linalg.det(matrix), atol=1e-9)


def split_by(affine: sitk.AffineTransform, folder) -> None:
    """The waves without noise as a peer leaves them: what is left of them after an affine, on the fixed grid."""
    wave = field_on(FIXED_BOX, 1.0, 0.0)
    sitk.WriteTransform(affine, str(folder / "affine.tfm"))
    forward = to_sitk(wave.vectors.astype(np.float64), FIXED_BOX)
    sitk.WriteImage(forward, str(folder / "forward.nrrd"))
    sitk.WriteImage(sitk.InvertDisplacementField(forward, 100, 1e-4, 1e-5, False), str(folder / "inverse.nrrd"))
    for name, labels in zip(("fixed", "moving"), LABELS, strict=True):
        sitk.WriteImage(to_sitk(labels.array, labels.grid), str(folder / f"{name}.nrrd"))


def an_affine() -> sitk.AffineTransform:
    return sitk.AffineTransform([1.05, 0.1, 0.0, -0.08, 0.97, 0.03, 0.0, 0.04, 1.02], [1.0, -2.0, 0.5])


def test_a_peers_displacements_are_followed_by_the_affine_and_the_way_back_begins_with_its_inverse(tmp_path):
    split_by(an_affine(), tmp_path)
    saved = read_saved(tmp_path, tmp_path / "affine.tfm")
    point = (2.0, -3.0, 4.0)
    alone = sitk.DisplacementFieldTransform(sitk.Image(saved.forward.field)).TransformPoint(point)
    there = saved.forward.transform().TransformPoint(point)
    assert there == pytest.approx(an_affine().TransformPoint(alone), abs=1e-9)
    assert saved.inverse.transform().TransformPoint(there) == pytest.approx(point, abs=0.05)


def test_an_affine_changes_neither_folds_nor_the_spread_of_volume_changes(tmp_path):
    split_by(an_affine(), tmp_path)
    files = (tmp_path / "fixed.nrrd", tmp_path / "moving.nrrd", tmp_path)
    after, without = score(Question(*files, tmp_path / "affine.tfm")), score(Question(*files, None))
    assert after.folds == without.folds and after.folds.inside == 0
    assert after.std_log_jacobian == without.std_log_jacobian > 0.001
    assert after.dice != without.dice
    assert after.consistency.mean < 0.02 and after.consistency.left_out == 0


def test_points_beyond_a_field_are_not_seen_by_it():
    image = to_sitk(FORWARD.vectors.astype(np.float64), FIXED_BOX)
    centre, far = np.zeros(3), np.array([500.0, 0.0, 0.0])
    moved = Map(image, before=sitk.AffineTransform(np.eye(3).ravel().tolist(), [-500.0, 0.0, 0.0]))
    assert list(seen(np.stack([centre, far]), Map(image))) == [True, False]
    assert list(seen(np.stack([centre, far]), moved)) == [False, True]


def test_a_method_that_wrote_nothing_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"forward\.nrrd"):
        read_saved(tmp_path, None)
