"""The benchmark's scorer and the engine's measures are two pieces of code: on saved files they must agree."""

import dataclasses
import json

import numpy as np
import pytest
import SimpleITK as sitk
from accuracy_folds import folded_voxels
from accuracy_pairs import data_folder, pairs_of
from accuracy_saved import read_result
from accuracy_scorer import affine_part, engine_disagreement, score
from accuracy_table import Row, markdown

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
    return score(folder / "fixed.nrrd", folder / "moving.nrrd", folder), folder


def test_dice_and_distances_are_those_of_the_engine(scored):
    found, folder = scored
    disagreement = engine_disagreement(found, read_result(folder))
    assert disagreement["dice_mean"] < 1e-3 and disagreement["hd95_mean"] < 1e-3
    assert 0.3 < found.dice < 0.95 and found.labels == 4


def test_folds_are_those_of_the_engine_voxel_by_voxel(scored):
    found, folder = scored
    saved = read_result(folder)
    for image, field in ((saved.forward, FORWARD), (saved.inverse, INVERSE)):
        ours = folds(jacobian_maps(field).smallest)
        assert 0 < ours.sum() < ours.size / 2
        assert np.count_nonzero(folded_voxels(image).transpose(2, 1, 0) != ours) <= 1
    assert engine_disagreement(found, saved)["forward_folds"] <= 1
    assert 0 < found.folds.inside < found.folds.field


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


def test_the_affine_part_of_an_affine_field_is_that_affine():
    matrix, shift = np.array([[1.05, 0.1, 0.0], [-0.08, 0.97, 0.03], [0.0, 0.04, 1.02]]), np.array([1.0, -2.0, 0.5])
    points = positions(FIXED_BOX)
    vectors = np.moveaxis(points @ matrix.T + shift - points, -1, 0)
    body = to_sitk((LABELS[0].array > 0).astype(np.uint8), FIXED)
    found = affine_part(to_sitk(vectors, FIXED_BOX), body)
    assert np.allclose(np.array(found.GetMatrix()).reshape(3, 3), matrix, atol=1e-6)
    assert np.allclose(found.GetTranslation(), shift, atol=1e-6)


def test_the_table_has_a_line_per_pair_a_mean_per_group_and_the_lung_apart(scored):
    found, _ = scored
    brain = dataclasses.replace(found, distances_before=None)
    rows = [Row("ixi", "ixi a <- b", brain, 61.0), Row("ixi", "ixi b <- c", brain, 63.0), Row("lung", "lung", found, 9)]
    lines = markdown(rows).splitlines()
    assert sum(line.startswith("| ixi") for line in lines) == 2
    assert any("mean of 2" in line and "**62**" in line for line in lines)
    widths = {line.count("|") for line in lines[:5]}
    assert widths == {12} and lines[5] == ""
    assert lines[-1].startswith("| lung |")


def test_the_pairs_are_the_agreed_ones():
    data = data_folder()
    if not (data / "brain_ixi_2mm").is_dir():
        pytest.skip(f"the benchmark's images are not at {data}")
    names = [pair.name for group in ("mindboggle", "ixi", "lung") for pair in pairs_of(group, data)]
    assert names[:3] == ["mindboggle 01 <- 02", "mindboggle 05 <- 09", "mindboggle 12 <- 17"]
    assert len(names) == 14 and names[3] == "ixi IXI485-HH-2180 <- IXI508-HH-2268"
    assert names[4].startswith("ixi IXI508-HH-2268 <- ")


def test_missing_data_is_said_in_one_line(tmp_path):
    with pytest.raises(FileNotFoundError, match="SITREG_DATA"):
        pairs_of("mindboggle", tmp_path)


def test_a_score_survives_json(scored):
    found, _ = scored
    assert json.loads(json.dumps(dataclasses.asdict(found)))["dice"] == found.dice
