"""What every registration promises, whatever the images: symmetry, repeatability, independence of storage, no folds."""

import dataclasses
import hashlib
import itertools
import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from sitreg_engine.contract import Job, Result
from sitreg_engine.errors import Cancelled, EngineError, InputError
from sitreg_engine.models import MODELS
from sitreg_engine.models.weights_file import save_network
from sitreg_engine.progress import Reporter
from sitreg_engine.register import register

QUICK = "4"  # optimisation steps per level: the promises do not depend on how good the result is
TRANSFORMS = list(itertools.product(itertools.permutations(range(3)), itertools.product((False, True), repeat=3)))


@dataclasses.dataclass(frozen=True)
class Outcome:
    result: Result
    forward: sitk.Transform
    inverse: sitk.Transform

    def value(self, name: str) -> float:
        return next(m.value for m in self.result.measures if m.name == name)


def run(fixed: str, moving: str, folder: Path, **settings) -> Outcome:
    job = Job("test", fixed, moving, str(folder), device="cpu", **{"refine": QUICK, **settings})
    result = register(job, Reporter())
    return Outcome(result, *(sitk.ReadTransform(result.outputs[name]) for name in ("forward", "inverse")))


def points_in(path: str, count: int = 200) -> np.ndarray:
    """World points (N, 3) well inside an image, LPS mm."""
    image = sitk.ReadImage(path)
    indices = np.random.default_rng(0).uniform(4, np.array(image.GetSize()) - 5, (count, 3))
    return np.array([image.TransformContinuousIndexToPhysicalPoint(index.tolist()) for index in indices])


def mapped(transform: sitk.Transform, points: np.ndarray) -> np.ndarray:
    return np.array([transform.TransformPoint(point.tolist()) for point in points])


def largest(difference: np.ndarray) -> float:
    return float(np.linalg.norm(difference, axis=1).max())


@pytest.fixture(scope="module")
def outcome(pair, tmp_path_factory) -> Outcome:
    return run(
        *(pair.fixed, pair.moving, tmp_path_factory.mktemp("out")),
        fixed_labels=pair.fixed_labels,
        moving_labels=pair.moving_labels,
    )


def test_a_full_registration_recovers_the_shift(pair, tmp_path):
    found = run(pair.fixed, pair.moving, tmp_path, refine="auto", affine="none")
    body = points_in(pair.fixed)
    body = body[np.linalg.norm(body, axis=1) < 16]
    error = np.linalg.norm(mapped(found.forward, body) - body - [3.0, 0.0, 0.0], axis=1)
    assert error.mean() < 0.6  # of 3 mm, with voxels of 2 mm


def test_everything_that_was_promised_is_written(outcome):
    names = {"forward", "inverse", "warped_moving", "warped_fixed", "jacobian", "warped_labels", "record"}
    assert set(outcome.result.outputs) == names
    assert all(Path(path).is_file() for path in outcome.result.outputs.values())


def test_every_measure_has_a_description_and_a_finite_value(outcome):
    assert all(m.description for m in outcome.result.measures)
    assert all(np.isfinite(m.value) for m in outcome.result.measures)
    assert {m.unit for m in outcome.result.measures} <= {"mm", "%", "ml", "voxels", "degrees", "nats", ""}


def test_registration_improves_overlap_and_similarity(outcome):
    assert outcome.value("dice_mean") > outcome.value("dice_mean_before")
    assert outcome.value("ncc") > outcome.value("ncc_before")


def test_neither_direction_folds(outcome):
    assert outcome.value("forward_folds") == 0 and outcome.value("inverse_folds") == 0


def test_the_saved_files_undo_each_other(pair, outcome):
    points = points_in(pair.fixed)
    assert largest(mapped(outcome.inverse, mapped(outcome.forward, points)) - points) < 0.2


def test_the_warped_image_is_what_the_saved_transform_makes_of_the_moving_image(pair, outcome):
    fixed, moving = sitk.ReadImage(pair.fixed), sitk.ReadImage(pair.moving)
    expected = sitk.Resample(moving, fixed, outcome.forward, sitk.sitkLinear, 0.0, sitk.sitkFloat32)
    warped = sitk.ReadImage(outcome.result.outputs["warped_moving"])
    assert warped.GetPixelID() == moving.GetPixelID() and warped.GetSize() == fixed.GetSize()
    inner = (slice(2, -2),) * 3
    difference = sitk.GetArrayFromImage(warped).astype(float) - sitk.GetArrayFromImage(expected)
    assert np.abs(difference[inner]).max() <= 1.0  # rounded to whole numbers


def test_swapping_the_images_swaps_the_transforms(pair, outcome, tmp_path):
    swapped = run(pair.moving, pair.fixed, tmp_path)
    points = points_in(pair.fixed)
    assert largest(mapped(swapped.inverse, points) - mapped(outcome.forward, points)) < 0.1
    points = points_in(pair.moving)
    assert largest(mapped(swapped.forward, points) - mapped(outcome.inverse, points)) < 0.1


def test_the_same_job_twice_gives_the_same_bits(pair, outcome, tmp_path):
    again = run(pair.fixed, pair.moving, tmp_path)
    for one, other in ((outcome.forward, again.forward), (outcome.inverse, again.inverse)):
        assert one.GetFixedParameters() == other.GetFixedParameters()
        assert one.GetParameters() == other.GetParameters()


def test_an_image_and_itself_do_not_move(pair, tmp_path):
    found = run(pair.fixed, pair.fixed, tmp_path)
    points = points_in(pair.fixed)
    assert largest(mapped(found.forward, points) - points) < 0.05


def test_what_one_image_does_not_show_is_not_counted_as_unlike(pair, tmp_path):
    sitk.WriteImage(sitk.ReadImage(pair.fixed)[:, :, :20], str(tmp_path / "part.nrrd"))
    found = run(pair.fixed, str(tmp_path / "part.nrrd"), tmp_path, refine="0", affine="none")
    assert found.value("ncc_before") == pytest.approx(found.value("ncc"), abs=0.01) and found.value("ncc") > 0.99


def stored_otherwise(path: str, target: Path, order, flips) -> str:
    image = sitk.Flip(sitk.PermuteAxes(sitk.ReadImage(path), order), flips)
    sitk.WriteImage(image, str(target))
    return str(target)


# Every third has each order of the axes and each combination of flips; preparation is tested for all of them.
STORED = [t if n % 3 == 0 else pytest.param(*t, marks=pytest.mark.slow) for n, t in enumerate(TRANSFORMS)]


@pytest.mark.parametrize(("order", "flips"), STORED)
def test_the_order_and_direction_of_the_stored_axes_do_not_matter(pair, outcome, tmp_path, order, flips):
    fixed = stored_otherwise(pair.fixed, tmp_path / "fixed.nrrd", order, flips)
    other_order, other_flips = TRANSFORMS[(TRANSFORMS.index((order, flips)) * 7 + 5) % 48]
    moving = stored_otherwise(pair.moving, tmp_path / "moving.nrrd", other_order, other_flips)
    found = run(fixed, moving, tmp_path / "out")
    points = points_in(pair.fixed, 50)
    assert largest(mapped(found.forward, points) - mapped(outcome.forward, points)) < 0.02


def turned(path: str, target: Path, rotation: np.ndarray) -> str:
    """The image with its header turned about the world's origin."""
    image = sitk.ReadImage(path)
    image.SetOrigin((rotation @ image.GetOrigin()).tolist())
    image.SetDirection((rotation @ np.array(image.GetDirection()).reshape(3, 3)).ravel().tolist())
    sitk.WriteImage(image, str(target))
    return str(target)


def test_turning_both_headers_turns_the_transform(pair, outcome, tmp_path):
    transform = sitk.VersorTransform((1.0, 2.0, -1.5), np.deg2rad(20))
    rotation = np.array(transform.GetMatrix()).reshape(3, 3)
    found = run(
        turned(pair.fixed, tmp_path / "f.nrrd", rotation),
        turned(pair.moving, tmp_path / "m.nrrd", rotation),
        tmp_path / "out",
    )
    points = points_in(pair.fixed)
    expected = mapped(outcome.forward, points) @ rotation.T
    assert largest(mapped(found.forward, points @ rotation.T) - expected) < 0.02


@pytest.mark.parametrize("model", MODELS)
def test_every_model_registers_without_folds_and_back(pair, tmp_path, model):
    weights = ""
    if model in ("snet", "ddrnet"):  # these do nothing without: as torch initialises them
        weights = str(tmp_path / "network.safetensors")
        save_network(MODELS[model].kind.from_table({}), Path(weights))
    found = run(pair.fixed, pair.moving, tmp_path / "out", model=model, weights=weights)
    assert found.value("forward_folds") == 0
    assert found.value("forward_consistency_mean") < 0.1


def test_an_unknown_model_is_refused_before_anything_is_written(pair, tmp_path):
    with pytest.raises(InputError, match="sitreg"):
        run(pair.fixed, pair.moving, tmp_path / "out", model="nothing")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("spacing", "reason"), [(0.01, "million voxels"), (50.0, "fewer than 4 voxels")])
def test_a_working_spacing_out_of_all_proportion_is_refused(pair, tmp_path, spacing, reason):
    with pytest.raises(InputError, match=reason):
        run(pair.fixed, pair.moving, tmp_path / "out", spacing=spacing)
    assert not (tmp_path / "out").exists()


def test_a_negative_is_registered_like_the_image_itself_and_a_note_says_so(pair, tmp_path):
    image = sitk.ReadImage(pair.moving)
    greatest = float(sitk.GetArrayViewFromImage(image).max())
    sitk.WriteImage(sitk.Cast(greatest - sitk.Cast(image, sitk.sitkFloat32), sitk.sitkInt16), str(tmp_path / "n.nrrd"))
    labels = {"fixed_labels": pair.fixed_labels, "moving_labels": pair.moving_labels}
    found = run(pair.fixed, str(tmp_path / "n.nrrd"), tmp_path / "out", refine="auto", **labels)
    alike = run(pair.fixed, pair.moving, tmp_path / "alike", refine="auto", **labels)
    assert found.value("dice_mean") > 0.95 * alike.value("dice_mean")
    assert any("differ in contrast" in text for text in found.result.warnings)
    assert not any("differ in contrast" in text for text in alike.result.warnings)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"model": "brain-t1", "refine": "0"}, 2.0),
        ({"model": "brain-t1", "refine": "1"}, 0.7),
        ({"model": "sitreg", "refine": "1"}, 0.7),
        ({"model": "nephi", "refine": "1"}, 1.0),
        ({"model": "sitreg", "refine": "0"}, 1.0),
        ({"model": "brain-t1", "refine": "0", "spacing": 1.25}, 1.25),
    ],
    ids=["the network alone", "network, refined", "refined", "fitted by itself", "aligned", "as the user wants it"],
)
def test_the_working_spacing_is_as_fine_as_is_of_use(pair, tmp_path, settings, expected):
    paths = []
    for path in (pair.fixed, pair.moving):
        image = sitk.ReadImage(path)
        image.SetSpacing((1.0, 1.0, 1.0))
        paths.append(str(tmp_path / Path(path).name))
        sitk.WriteImage(image, paths[-1])
    found = run(*paths, tmp_path / "out", **settings)
    assert json.loads(Path(found.result.outputs["record"]).read_text(encoding="utf-8"))["working_spacing"] == expected


@pytest.mark.parametrize("stage", ["align", "refine", "compose", "measure"])
def test_a_cancelled_registration_writes_nothing(pair, tmp_path, stage):
    steps = []

    def stop_in_the_stage() -> bool:
        return stage in steps

    reporter = Reporter(lambda stage, *_: steps.append(stage), stop_in_the_stage)
    with pytest.raises(Cancelled):
        register(Job("test", pair.fixed, pair.moving, str(tmp_path / "out"), refine=QUICK), reporter)
    assert not (tmp_path / "out").exists()


def test_images_that_are_nowhere_near_each_other_are_refused(pair, tmp_path):
    image = sitk.ReadImage(pair.moving)
    image.SetOrigin((5000.0, 0.0, 0.0))
    sitk.WriteImage(image, str(tmp_path / "far.nrrd"))
    with pytest.raises(EngineError):
        run(pair.fixed, str(tmp_path / "far.nrrd"), tmp_path / "out", affine="none")


def test_masks_and_points_are_measured(pair, tmp_path):
    (tmp_path / "p.csv").write_text("0,0,0\n5,5,5\n900,0,0\n")
    found = run(
        *(pair.fixed, pair.moving, tmp_path / "out"),
        fixed_mask=pair.fixed_labels,
        moving_mask=pair.moving_labels,
        fixed_points=str(tmp_path / "p.csv"),
        moving_points=str(tmp_path / "p.csv"),
    )
    assert found.value("forward_folds_in_mask") == 0
    assert found.value("tre_mean_before") == 0
    assert any("1 of 3 fixed landmarks lie outside" in warning for warning in found.result.warnings)


def test_volumes_of_a_few_millimetres_are_registered_like_large_ones(tmp_path):
    errors = []  # voxels, of where they are mapped to
    for spacing in (0.1, 2.0):
        paths = []
        for number in range(2):
            values = np.random.default_rng(5).random((24, 24, 24), dtype=np.float32)
            image = sitk.SmoothingRecursiveGaussian(sitk.GetImageFromArray(np.roll(values, number, 0)), 2.0)
            image.SetSpacing((spacing,) * 3)
            paths.append(str(tmp_path / f"{number}.nrrd"))
            sitk.WriteImage(image, paths[-1])
        found = run(*paths, tmp_path / "out", refine="5")
        assert found.value("forward_folds") == 0
        points = points_in(paths[0])
        errors.append(np.linalg.norm(mapped(found.forward, points) - points - [0, 0, spacing], axis=1).mean() / spacing)
    assert errors[0] == pytest.approx(errors[1], abs=0.02)
    assert max(errors) < 0.35  # 1 before


def test_weights_that_were_replaced_are_loaded_anew(pair, tmp_path):
    file, hashes = tmp_path / "own.safetensors", []
    for seed in (1, 2):
        torch.manual_seed(seed)
        save_network(MODELS["snet"].kind.from_table({}), file)
        run(pair.fixed, pair.moving, tmp_path / "out", affine="none", refine="0", model="snet", weights=str(file))
        hashes.append(json.loads((tmp_path / "out" / "result.json").read_text(encoding="utf-8"))["weights_sha256"])
    assert hashes[0] != hashes[1] == hashlib.sha256(file.read_bytes()).hexdigest()
