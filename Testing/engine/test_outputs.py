"""Result files: their types and places, and that a folder never holds half a result."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from sitreg_engine import outputs
from sitreg_engine.contract import Job, Measure
from sitreg_engine.errors import InputError, OutputError
from sitreg_engine.fields import DisplacementField
from sitreg_engine.geometry import Grid, apply
from sitreg_engine.images import from_sitk
from sitreg_engine.record import Record

OBLIQUE = Grid((6, 7, 8), (1.0, 2.0, 1.5), (10.0, -20.0, 30.0), (0.0, -1.0, 0.0, 0.6, 0.0, 0.8, -0.8, 0.0, 0.6))


def a_field() -> DisplacementField:
    vectors = np.random.default_rng(3).normal(size=(3, *OBLIQUE.shape)).astype(np.float32)
    return DisplacementField(vectors, OBLIQUE)


def a_record(folder: Path) -> Record:
    job = Job(id="1", fixed="/f.nrrd", moving="/m.nrrd", output=str(folder))
    measures = [Measure("tre_mean", "Mean landmark distance", float("nan"), "mm")]
    return Record(job, [], "sitreg", "", "", "cpu", {"read": 0.5}, 100.0, measures)


def publish(folder: Path, names: tuple[str, ...] = ("jacobian",), file_format: str = "h5") -> dict[str, str]:
    with outputs.staged(str(folder)) as staging:
        staging.add_transform("forward", a_field(), file_format)
        for name in names:
            staging.add_image(name, np.zeros(OBLIQUE.shape), OBLIQUE, np.dtype("float32"))
        return staging.publish(a_record(folder))


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


# ---- what is written


def test_an_h5_transform_maps_points_as_the_field_does(tmp_path):
    paths = publish(tmp_path / "out")
    transform = sitk.ReadTransform(paths["forward"])
    points = apply(OBLIQUE.voxel_to_world, np.array([[0, 0, 0], [2.5, 3.25, 4.75], [5, 6, 7], [1, 6, 3]]))
    mapped = [transform.TransformPoint(tuple(p)) for p in points]
    np.testing.assert_allclose(mapped, a_field().map_points(points), atol=1e-5)


@pytest.mark.parametrize("file_format", ["nrrd", "nii.gz"])
def test_the_other_formats_are_float32_vector_images_in_lps(tmp_path, file_format):
    paths = publish(tmp_path / "out", file_format=file_format)
    assert paths["forward"].endswith(f"forward.{file_format}")
    image = sitk.ReadImage(paths["forward"])
    assert image.GetPixelID() == sitk.sitkVectorFloat32
    stored = sitk.GetArrayFromImage(image).transpose(3, 2, 1, 0)
    np.testing.assert_array_equal(stored, a_field().vectors)
    np.testing.assert_allclose(image.TransformIndexToPhysicalPoint((1, 2, 3)), point(1, 2, 3), atol=1e-4)


def point(*index: int) -> np.ndarray:
    return apply(OBLIQUE.voxel_to_world, np.array(index))


def test_an_unknown_format_is_refused(tmp_path):
    with outputs.staged(str(tmp_path)) as staging, pytest.raises(InputError, match=r"h5, nrrd, nii\.gz"):
        staging.add_transform("forward", a_field(), "mat")


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int32", "int64", "float32"])
def test_an_image_is_stored_in_the_type_asked_for_at_its_place(tmp_path, dtype):
    array = np.random.default_rng(1).uniform(0, 100, OBLIQUE.shape).astype(np.float32)
    with outputs.staged(str(tmp_path)) as staging:
        staging.add_image("warped_moving", array, OBLIQUE, np.dtype(dtype))
        paths = staging.publish(a_record(tmp_path))
    stored = from_sitk(sitk.ReadImage(paths["warped_moving"]))
    assert stored.array.dtype == np.dtype(dtype)
    np.testing.assert_allclose(stored.array, array, atol=0 if dtype == "float32" else 0.5)
    np.testing.assert_allclose(apply(stored.grid.voxel_to_world, np.array((1, 2, 3))), point(1, 2, 3), atol=1e-4)


@pytest.mark.parametrize("file_format", ["h5", "nrrd", "nii.gz"])
def test_the_same_content_gives_the_same_bytes(tmp_path, file_format):
    first, second = publish(tmp_path / "a", file_format=file_format), publish(tmp_path / "b", file_format=file_format)
    for name in ("forward", "jacobian"):
        assert Path(first[name]).read_bytes() == Path(second[name]).read_bytes()


def test_the_record_names_what_was_done_and_every_output(tmp_path):
    paths = publish(tmp_path / "öut 1")
    record = json.loads(Path(paths["record"]).read_text(encoding="utf-8"))
    assert record["outputs"] == {"forward": "forward.h5", "jacobian": "jacobian.nii.gz"}
    assert record["settings"]["model"] == "sitreg"
    assert record["measures"][0]["value"] is None  # NaN is no JSON
    assert set(paths) == {"forward", "jacobian", "record"}
    assert all(Path(path).is_absolute() and Path(path).is_file() for path in paths.values())


# ---- whole or not at all


def test_only_final_names_are_left(tmp_path):
    publish(tmp_path / "out")
    assert names_in(tmp_path / "out") == {"forward.h5", "jacobian.nii.gz", "result.json"}


def test_files_of_an_earlier_result_do_not_mix_with_the_new_one(tmp_path):
    publish(tmp_path, ("jacobian", "warped_labels"), "nrrd")
    (tmp_path / "notes.txt").write_text("mine")
    publish(tmp_path, ("jacobian",), "h5")
    assert names_in(tmp_path) == {"forward.h5", "jacobian.nii.gz", "result.json", "notes.txt"}


def test_a_job_that_fails_leaves_the_earlier_result_as_it_was(tmp_path):
    publish(tmp_path, ("jacobian",))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(ZeroDivisionError), outputs.staged(str(tmp_path)) as staging:
        staging.add_transform("forward", a_field(), "nrrd")
        raise ZeroDivisionError
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_job_that_fails_leaves_no_new_folders(tmp_path):
    with pytest.raises(ZeroDivisionError), outputs.staged(str(tmp_path / "a" / "b")) as staging:
        staging.add_transform("forward", a_field(), "h5")
        raise ZeroDivisionError
    assert not (tmp_path / "a").exists()


_CHILD = """
import sys, time, numpy as np
from sitreg_engine import outputs
from sitreg_engine.geometry import Grid
grid = Grid((40, 40, 40), (1.0,) * 3, (0.0,) * 3, tuple(map(float, np.eye(3).ravel())))
noise = np.random.default_rng(0).normal(size=grid.shape)
with outputs.staged(sys.argv[1]) as staging:
    staging.add_image("warped_moving", noise, grid, np.dtype("float32"))
    print("staged", flush=True)
    time.sleep(60)
"""


@pytest.mark.skipif(os.name == "nt", reason="signals as on POSIX systems")
def test_a_killed_run_leaves_no_result_file(tmp_path):
    child = subprocess.Popen([sys.executable, "-c", _CHILD, str(tmp_path / "out")], stdout=subprocess.PIPE)
    assert child.stdout.readline() == b"staged\n"
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    assert all(name.startswith(".sitreg-") for name in names_in(tmp_path / "out"))


_FULL_DISK = """
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))
"""
_ADD_TRANSFORM = """
    from sitreg_engine.fields import DisplacementField
    staging.add_transform("forward", DisplacementField(np.float32([noise] * 3), grid), sys.argv[2])
"""


@pytest.mark.skipif(os.name == "nt", reason="limits as on POSIX systems")
@pytest.mark.parametrize("name", ["warped_moving.nii.gz", "forward.h5", "forward.nrrd", "forward.nii.gz"])
def test_a_full_disk_is_an_error_for_every_format(tmp_path, name):
    code = _FULL_DISK + _CHILD
    if name.startswith("forward"):
        code = code[: code.index("    staging.add_image")] + _ADD_TRANSFORM
    arguments = [sys.executable, "-c", code, str(tmp_path / "out"), name.partition(".")[2]]
    child = subprocess.run(arguments, capture_output=True, text=True)
    assert f"OutputError: {name} could not be written" in child.stderr
    assert not (tmp_path / "out").exists()


def test_leftovers_of_this_process_can_be_removed(tmp_path):
    other = tmp_path / ".sitreg-1-abc"
    other.mkdir()
    with outputs.staged(str(tmp_path)) as staging:
        staging.add_image("jacobian", np.zeros(OBLIQUE.shape), OBLIQUE, np.dtype("float32"))
        assert len(names_in(tmp_path)) == 2
        outputs.remove_leftovers(str(tmp_path))
        assert names_in(tmp_path) == {other.name}


def test_what_killed_runs_have_left_is_removed_after_hours(tmp_path):
    old, new = tmp_path / ".sitreg-1-abc", tmp_path / ".sitreg-2-def"
    for folder in (old, new):
        folder.mkdir()
        (folder / "warped_moving.nii.gz").write_bytes(b"half")
    os.utime(old, (0, 0))
    with outputs.staged(str(tmp_path)):
        pass
    assert names_in(tmp_path) == {new.name}


# ---- the check before the work


def test_the_check_leaves_nothing_behind(tmp_path):
    outputs.check_folder(str(tmp_path / "new" / "deep"), [])
    outputs.check_folder(str(tmp_path), [])
    assert names_in(tmp_path) == set()


def test_a_file_in_the_way_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(OutputError, match="is a file"):
            outputs.check_folder(str(folder), [])


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder that nobody can write to")
def test_a_folder_that_cannot_be_written_is_refused():
    with pytest.raises(OutputError, match="cannot be written"):
        outputs.check_folder("/proc/self/out", [])


def test_a_folder_in_the_place_of_a_result_is_found_before_the_work(tmp_path):
    (tmp_path / "inverse.nrrd").mkdir()
    with pytest.raises(OutputError, match=r"inverse\.nrrd is a folder"):
        outputs.check_folder(str(tmp_path), [])


def test_an_input_that_would_be_overwritten_is_refused(tmp_path):
    publish(tmp_path)
    with pytest.raises(OutputError, match="overwritten"):
        outputs.check_folder(str(tmp_path), ["/elsewhere.nrrd", str(tmp_path / "jacobian.nii.gz")])


def test_a_link_to_nothing_and_a_name_that_is_too_long_are_refused_before_the_work(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "gone")
    with pytest.raises(OutputError, match="link to nothing"):
        outputs.check_folder(str(tmp_path / "link"), [])
    with pytest.raises(OutputError, match="cannot be written"):
        outputs.check_folder(str(tmp_path / ("n" * 300)), [])
