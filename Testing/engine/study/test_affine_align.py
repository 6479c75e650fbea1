"""The whole alignment: right, symmetric, the same everywhere, and honest when it fails."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from sitreg_engine.affine import Alignment, align
from sitreg_engine.contract import Measure
from sitreg_engine.errors import AlignmentError, Cancelled
from sitreg_engine.geometry import apply
from sitreg_engine.images import Volume, to_sitk
from sitreg_engine.progress import Reporter
from sitreg_engine.scan import make_scan

WORLD = ((1, 2, 3), 20.0)  # the turn of both headers


@pytest.fixture(scope="module")
def found(study) -> Alignment:
    return run(study.fixed, study.moving)


@pytest.fixture(scope="module")
def rigid(study) -> Alignment:
    return run(study.fixed, study.moving, "rigid")


def run(fixed: Volume, moving: Volume, choice: str = "auto", masks=(None, None)) -> Alignment:
    reporter = Reporter()
    reporter.start("align", "Aligning")
    return align(make_scan(fixed, masks[0]), make_scan(moving, masks[1]), choice, reporter)


def distance(one: np.ndarray, other: np.ndarray, points: np.ndarray) -> float:
    """Largest distance between two maps of points, mm."""
    return float(np.linalg.norm(apply(one, points) - apply(other, points), axis=1).max())


def test_the_truth_is_found(study, found):
    assert distance(np.eye(4), study.matrix, study.points) > 8
    assert distance(found.matrix, study.matrix, study.points) < 0.5  # a tenth of a voxel
    assert found.kind == "affine"
    assert found.warnings == []


def test_measures_say_what_was_done(found):
    by_name = {measure.name: measure for measure in found.measures}
    assert all(isinstance(measure, Measure) and measure.description for measure in found.measures)
    assert by_name["alignment_rotation"].value == pytest.approx(8, abs=1)
    assert by_name["alignment_rotation"].unit == "degrees"
    assert by_name["alignment_volume_change"].value == pytest.approx(100 * (1.05 * 0.97 * 1.02 - 1), abs=2)
    assert by_name["alignment_fixed_overlap"].value == pytest.approx(100, abs=1)


def test_swapping_the_images_inverts_the_map(study, found):
    back = run(study.moving, study.fixed).matrix
    assert distance(back @ found.matrix, np.eye(4), study.points) < 1e-9


def test_an_image_onto_itself_stays(study):
    assert np.allclose(run(study.fixed, study.fixed).matrix, np.eye(4), atol=1e-12)


def test_every_storage_order_gives_the_same_map(study, rigid, tools, storage):
    order, flips = storage
    other = (order[::-1], tuple(not flip for flip in flips))  # each image is stored in its own way
    matrix = run(tools.stored(study.fixed, *storage), tools.stored(study.moving, *other), "rigid").matrix
    assert distance(matrix, rigid.matrix, study.points) < 1e-6


def test_the_map_turns_with_both_headers(study, found, tools):
    world = tools.turn(*WORLD)
    turned = run(tools.placed(study.fixed, world), tools.placed(study.moving, world)).matrix
    assert distance(turned, world @ found.matrix @ np.linalg.inv(world), apply(world, study.points)) < 1e-6


@pytest.mark.parametrize(("degrees", "offset"), [(0, 100), (25, 100), (40, 30)])
def test_a_moving_image_far_away_and_turned_is_found(study, found, tools, degrees, offset):
    away = tools.turn((1, -1, 2), degrees)
    away[:3, 3] = offset * np.array([0.6, 0.64, 0.48])
    matrix = run(study.fixed, tools.placed(study.moving, away)).matrix
    assert distance(matrix, away @ found.matrix, study.points) < 0.5


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_moving_image_that_shows_only_a_part_is_found(study, axis):
    cut = tuple(slice(0, n * 2 // 3) if a == axis else slice(None) for a, n in enumerate(study.moving.array.shape))
    part = study.moving.array[cut].copy()
    moving = Volume(part, replace(study.moving.grid, shape=part.shape))
    assert distance(run(study.fixed, moving).matrix, study.matrix, study.points) < 2.0


@pytest.mark.parametrize(
    "contrast",
    [lambda x: 0.01 * x + 300, lambda x: x * (220 - x), lambda x: 150 - x],
    ids=["gain", "folded", "inverted"],
)
def test_another_contrast_is_found(study, contrast):
    moving = replace(study.moving, array=contrast(study.moving.array).astype(np.float32))
    assert distance(run(study.fixed, moving).matrix, study.matrix, study.points) < 2.5  # half a voxel


def test_masks_say_what_to_align_by(study):
    # A second bright body outside the masks pulls the images apart where no mask forbids it.
    fixed, moving = (v.array.copy() for v in (study.fixed, study.moving))
    fixed[:, :3], moving[:, -3:] = 200, 200
    masks = [replace(v, array=(v.array > 20).astype(np.uint8)) for v in (study.fixed, study.moving)]
    images = [replace(study.fixed, array=fixed), replace(study.moving, array=moving)]
    assert distance(run(*images, masks=masks).matrix, study.matrix, study.points) < 2.5


def test_rigid_keeps_lengths(study, rigid):
    assert rigid.kind == "rigid"
    assert np.allclose(rigid.matrix[:3, :3] @ rigid.matrix[:3, :3].T, np.eye(3), atol=1e-12)
    assert distance(rigid.matrix, study.matrix, study.points) < 4


def test_none_leaves_the_images_where_their_headers_say(study):
    alignment = run(study.fixed, study.moving, "none")
    assert np.array_equal(alignment.matrix, np.eye(4))
    assert alignment.kind == "identity"


def test_a_given_transform_is_taken_as_it_is(study, tmp_path):
    transform = sitk.AffineTransform(3)
    transform.SetMatrix(study.matrix[:3, :3].ravel())
    transform.SetTranslation(study.matrix[:3, 3])
    sitk.WriteTransform(transform, str(tmp_path / "given.tfm"))
    alignment = run(study.fixed, study.moving, str(tmp_path / "given.tfm"))
    assert np.allclose(alignment.matrix, study.matrix, atol=1e-12)
    assert alignment.kind == "file"


@pytest.mark.parametrize(("axis", "degrees"), [((1, 0, 0), 90), ((0, 0, -1), 90), ((0, 0, 1), 180)])
def test_a_header_that_names_the_wrong_axes_is_seen_through(study, found, tools, axis, degrees):
    wrong = tools.turn(axis, degrees)
    alignment = run(study.fixed, tools.placed(study.moving, wrong))
    assert distance(alignment.matrix, wrong @ found.matrix, study.points) < 2.5  # half a voxel
    assert any("check their orientation" in warning for warning in alignment.warnings)


def test_noise_is_refused(study):
    noise = np.random.default_rng(0).normal(size=study.moving.array.shape).astype(np.float32)
    with pytest.raises(AlignmentError, match="no convincing match"):
        run(study.fixed, replace(study.moving, array=noise))


def test_a_header_in_metres_is_named_when_nothing_matches(study):
    grid = study.moving.grid
    small = replace(study.moving, grid=replace(grid, spacing=tuple(side / 1000 for side in grid.spacing)))
    with pytest.raises(AlignmentError, match=r"mm wide, what the moving one shows 0.* check the spacing"):
        run(study.fixed, small)


def test_an_image_that_shows_nothing_is_refused(study):
    with pytest.raises(AlignmentError, match="no convincing match"):
        run(study.fixed, replace(study.moving, array=np.zeros_like(study.moving.array)))


def test_a_mirrored_image_is_refused(study):
    mirrored = replace(study.moving, array=study.moving.array[:, :, ::-1].copy())
    try:
        alignment = run(study.fixed, mirrored)
    except AlignmentError as error:
        assert "same anatomy" in str(error)
    else:  # the body is roughly symmetric, so a map that is right for its outline may be accepted
        assert np.linalg.det(alignment.matrix[:3, :3]) > 0


def test_images_apart_are_refused_when_no_alignment_is_wanted(study, tools):
    away = np.eye(4)
    away[:3, 3] = (300, 0, 0)
    with pytest.raises(AlignmentError, match=r"do not overlap under the given alignment .* mm apart"):
        run(study.fixed, tools.placed(study.moving, away), "none")


def test_a_large_turn_is_warned_of(study, found, tools):
    away = tools.turn((0, 0, 1), 55)
    alignment = run(study.fixed, tools.placed(study.moving, away), "rigid")
    assert any("degrees" in warning for warning in alignment.warnings)


def test_little_overlap_is_warned_of(study, tools):
    away = np.eye(4)
    away[:3, 3] = (60, 0, 0)
    warnings = run(study.fixed, tools.placed(study.moving, away), "none").warnings
    assert any("lies within the moving image" in warning for warning in warnings)


def test_it_can_be_cancelled(study):
    reporter = Reporter(stop_requested=lambda: len(asked) > 2 or asked.append(1) is not None)
    asked: list[int] = []
    reporter.start("align", "Aligning")
    with pytest.raises(Cancelled):
        align(make_scan(study.fixed), make_scan(study.moving), "auto", reporter)


def test_progress_never_falls(study):
    fractions: list[float] = []
    reporter = Reporter(lambda stage, fraction, text: fractions.append(fraction))
    reporter.start("align", "Aligning")
    align(make_scan(study.fixed), make_scan(study.moving), "auto", reporter)
    assert fractions == sorted(fractions)
    assert len(fractions) > 5


SCRIPT = """
import sys
import SimpleITK as sitk
from sitreg_engine.affine import align
from sitreg_engine.images import from_sitk
from sitreg_engine.progress import Reporter
from sitreg_engine.scan import make_scan
reporter = Reporter()
reporter.start("align", "")
scans = [make_scan(from_sitk(sitk.ReadImage(path))) for path in sys.argv[1:]]
sys.stdout.write(align(*scans, "auto", reporter).matrix.tobytes().hex())
"""


def test_other_processes_with_other_threads_agree_to_the_bit(study, tmp_path: Path):
    paths = [str(tmp_path / f"{name}.nrrd") for name in ("fixed", "moving")]
    for path, volume in zip(paths, (study.fixed, study.moving), strict=True):
        sitk.WriteImage(to_sitk(volume.array, volume.grid), path)
    found = [
        subprocess.run(
            [sys.executable, "-c", SCRIPT, *paths],
            env={"OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads, "PATH": ""},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for threads in ("1", "1", "2")
    ]
    assert found[0] == found[1] == found[2] != ""
