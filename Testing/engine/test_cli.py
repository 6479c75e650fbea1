"""`sitreg` at a terminal: what it writes, says and returns."""

import fcntl
import json
import os
import re
import signal
import struct
import subprocess
import sys
import termios
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from sitreg_engine import __version__
from sitreg_engine.cli import main
from sitreg_engine.models import model_ids

SITREG = [sys.executable, "-m", "sitreg_engine.cli"]
QUICK = ["--affine", "none", "--refine", "2", "--device", "cpu"]
LONG = [*QUICK, "--refine", "100000", "--spacing", "0.4"]  # longer than anybody would wait


def run(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([*SITREG, *arguments], capture_output=True, text=True)


# ---- register


def test_a_registration_writes_everything_and_says_so(pair, tmp_path):
    out = tmp_path / "out with ü"
    points = tmp_path / "p.csv"
    points.write_text("x,y,z\n0,0,0\n5,-5,5\n")
    done = run(
        *("register", pair.fixed, pair.moving, "-o", str(out), *QUICK),
        *("--fixed-labels", pair.fixed_labels, "--moving-labels", pair.moving_labels),
        *("--fixed-points", str(points), "--moving-points", str(points)),
    )
    assert done.returncode == 0, done.stderr
    images = {"warped_moving.nii.gz", "warped_fixed.nii.gz", "jacobian.nii.gz", "warped_labels.nii.gz"}
    assert {path.name for path in out.iterdir()} == {"forward.h5", "inverse.h5", "result.json", *images}
    assert str(out) in done.stdout and "Dice" in done.stdout
    assert " s on cpu: " in done.stderr
    record = json.loads((out / "result.json").read_text(encoding="utf-8"))
    assert record["version"] == __version__
    assert {entry["role"] for entry in record["inputs"]} >= {"fixed", "moving", "fixed_labels", "moving_points"}
    assert all(len(entry["sha256"]) == 64 for entry in record["inputs"])
    assert all("unit" in measure for measure in record["measures"])


@pytest.mark.parametrize("name", ["nrrd", "nii.gz"])
def test_the_transforms_can_be_vector_images(pair, tmp_path, name):
    done = run("register", pair.fixed, pair.moving, "-o", str(tmp_path), *QUICK, "--format", name)
    assert done.returncode == 0, done.stderr
    assert sitk.ReadImage(str(tmp_path / f"forward.{name}")).GetPixelID() == sitk.sitkVectorFloat32


def test_paths_may_be_relative(pair, tmp_path):
    folder = Path(pair.fixed).parent
    names = [Path(pair.fixed).name, Path(pair.moving).name]
    done = subprocess.run(
        [*SITREG, "register", *names, "-o", str(tmp_path / "out"), *QUICK], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


# ---- bad input: one line, exit code 2, nothing written


def refused(capfd, out: Path, *arguments: str) -> str:
    code = main(["register", *arguments, "-o", str(out)])
    said = capfd.readouterr()
    assert code == 2, said.err
    assert said.out == ""
    assert said.err.count("\n") == 1 and said.err.startswith("sitreg: "), said.err
    assert not out.exists()
    return said.err


def variant(pair, tmp_path: Path, change) -> str:
    """The fixed image after `change`, in a file of its own."""
    path = str(tmp_path / "variant.nrrd")
    sitk.WriteImage(change(sitk.ReadImage(pair.fixed)), path)
    return path


def with_nan(image: sitk.Image) -> sitk.Image:
    image = sitk.Cast(image, sitk.sitkFloat32)
    image[1, 1, 1] = float("nan")
    return image


@pytest.mark.parametrize(
    "change",
    [
        lambda image: image[:, :, 3],
        lambda image: sitk.JoinSeries([image, image]),
        lambda image: sitk.Compose([image] * 3),
        with_nan,
        lambda image: image * 0,
    ],
    ids=["2-D", "4-D", "vector", "NaN", "constant"],
)
@pytest.mark.parametrize("side", ["fixed", "moving"])
def test_an_image_that_cannot_be_registered_is_refused(pair, tmp_path, capfd, change, side):
    bad = variant(pair, tmp_path, change)
    images = [bad, pair.moving] if side == "fixed" else [pair.fixed, bad]
    assert side in refused(capfd, tmp_path / "out", *images)


def test_a_missing_image_is_refused(pair, tmp_path, capfd):
    assert "There is no file for the fixed image" in refused(
        capfd, tmp_path / "out", str(tmp_path / "none.nrrd"), pair.moving
    )


@pytest.mark.parametrize(
    "option",
    [
        ["--model", "nope"],
        ["--device", "tpu"],
        ["--device", "cuda:77"],
        ["--affine", "similarity"],
        ["--refine", "many"],
        ["--spacing", "-1"],
        ["--spacing", "nan"],
        ["--weights", "/none.pt"],
        ["--fixed-mask", "/none.nrrd"],
        ["--moving-labels", "/none.nrrd"],
        ["--fixed-points", "/none.csv"],
    ],
    ids=" ".join,
)
def test_an_option_that_cannot_be_honoured_is_refused(pair, tmp_path, capfd, option):
    refused(capfd, tmp_path / "out", pair.fixed, pair.moving, *option)


def test_landmarks_without_a_partner_are_refused_before_the_work_begins(pair, tmp_path, capfd):
    one, two = tmp_path / "1.csv", tmp_path / "2.csv"
    one.write_text("1,2,3\n")
    two.write_text("1,2,3\n4,5,6\n")
    points = ["--fixed-points", str(one), "--moving-points", str(two)]
    said = refused(capfd, tmp_path / "out", pair.fixed, pair.moving, *LONG, *points)
    assert "pairs" in said


def test_an_empty_mask_is_refused(pair, tmp_path, capfd):
    empty = variant(pair, tmp_path, lambda image: image * 0)
    assert "empty" in refused(capfd, tmp_path / "out", pair.fixed, pair.moving, "--fixed-mask", empty)


def test_labels_that_do_not_overlap_are_refused(pair, tmp_path, capfd):
    def far(image):
        image.SetOrigin((500, 0, 0))
        return image

    labels = variant(pair, tmp_path, far)
    assert "overlap" in refused(capfd, tmp_path / "out", pair.fixed, pair.moving, "--moving-labels", labels)


def test_an_output_that_cannot_be_written_is_refused(pair, tmp_path, capfd):
    (tmp_path / "file").write_text("")
    code = main(["register", pair.fixed, pair.moving, "-o", str(tmp_path / "file" / "out")])
    assert code == 2
    assert capfd.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["dance"],
        ["register"],
        ["register", "a", "b"],
        ["register", "a", "b", "-o", "c", "--format", "mat"],
        ["register", "a", "b", "-o", "c", "--spacing", "wide"],
        ["register", "a", "b", "-o", "c", "--sharpness", "7"],
        ["verify"],
    ],
    ids=" ".join,
)
def test_a_command_that_is_not_understood_gets_one_line(capfd, arguments):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    said = capfd.readouterr()
    assert caught.value.code == 2
    assert said.out == "" and said.err.count("\n") == 1


# ---- too little memory


@pytest.mark.skipif(os.name == "nt", reason="limits as on POSIX systems")
def test_too_little_memory_is_told_with_a_way_on(pair, tmp_path):
    code = (
        "import resource, sys\nresource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))\n"
        "from sitreg_engine.cli import main\nsys.exit(main(sys.argv[1:]))"
    )
    arguments = ["register", pair.fixed, pair.moving, "-o", str(tmp_path / "out"), *QUICK, "--spacing", "0.24"]
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True)
    assert done.returncode == 1
    assert "too little memory" in done.stderr and done.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


# ---- stopping


@pytest.mark.skipif(os.name == "nt", reason="signals as on POSIX systems")
@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_stopped_run_leaves_nothing(pair, tmp_path, number, code):
    terminal, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 24, 100, 0, 0))  # in a window of no size is no bar
    arguments = ["register", pair.fixed, pair.moving, "-o", str(tmp_path / "out"), *LONG]
    before = signal.signal(number, signal.default_int_handler)  # what is ignored, as after nohup, would stay so
    process = subprocess.Popen([*SITREG, *arguments], stdout=subprocess.DEVNULL, stderr=theirs)
    signal.signal(number, before)
    os.close(theirs)
    said = b""
    while not re.search(rb"(2[5-9]|[3-7]\d)%\|", said):  # the bar is drawn, and stands in the middle of the work
        said += os.read(terminal, 4096)
    process.send_signal(number)
    assert process.wait(timeout=10) == code
    os.close(terminal)
    assert not (tmp_path / "out").exists()


# ---- the rest


def test_every_model_is_listed_with_its_weights(capfd):
    assert main(["models"]) == 0
    lines = capfd.readouterr().out.splitlines()
    listed = [line for line in lines if not line.startswith(" ")]
    assert [line.split(":")[0] for line in listed] == model_ids()
    assert all("weights: " in line for line in listed)
    assert any("(any, voxels in proportion)" in line for line in listed)
    assert any("(brain, MR T1-weighted, 4 mm)" in line for line in listed)


def test_the_version_is_told():
    assert run("--version").stdout == f"sitreg {__version__}\n"


def test_the_help_does_not_wait_for_torch():
    code = "import sys, sitreg_engine.cli\nassert 'torch' not in sys.modules and 'SimpleITK' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.fixture(scope="module")
def published(tmp_path_factory) -> tuple[str, dict[str, np.ndarray]]:
    """A small network with random weights in the published format, and what it makes of a pair."""
    import torch

    from sitreg_engine.models.sitreg.checkpoint import save_checkpoint
    from sitreg_engine.models.sitreg.config import SITRegConfig
    from sitreg_engine.models.sitreg.network import SITReg

    torch.manual_seed(1)
    network = SITReg(SITRegConfig(features=(4, 8), update_features=(4, 8), groups=2)).eval()
    path = tmp_path_factory.mktemp("weights") / "small.pt"
    save_checkpoint(network, path)
    images = torch.rand(2, 1, 1, 12, 14, 16)
    with torch.inference_mode():
        result = network(images[0], images[1])
    arrays = [images[0][0, 0], images[1][0, 0], result.f12[0], result.f21[0]]
    names = ["image_1", "image_2", "f12", "f21"]
    return str(path), {name: array.numpy() for name, array in zip(names, arrays, strict=True)}


def test_a_checkpoint_that_gives_what_is_stored_is_verified(published, tmp_path, capfd):
    weights, pair = published
    np.savez(tmp_path / "pair.npz", **pair)
    assert main(["verify", weights, str(tmp_path / "pair.npz"), "--groups", "2"]) == 0
    assert "passed" in capfd.readouterr().out


@pytest.mark.parametrize("name", ["f12", "f21"])
@pytest.mark.parametrize("shift", [0.01, float("nan")])
def test_a_checkpoint_that_gives_something_else_is_not(published, tmp_path, capfd, name, shift):
    weights, pair = published
    wrong = pair[name].copy()
    wrong[0, 3, 4, 5] += shift
    np.savez(tmp_path / "pair.npz", **{**pair, name: wrong})
    arguments = ["verify", weights, str(tmp_path / "pair.npz"), "--groups", "2"]
    assert main([*arguments, "--tolerance", "0.001"]) == 1
    assert main([*arguments, "--tolerance", "0.1"]) == (1 if np.isnan(shift) else 0)


def test_a_checkpoint_that_is_none_is_refused(tmp_path, capfd):
    (tmp_path / "x.pt").write_bytes(b"nothing")
    np.savez(tmp_path / "pair.npz", image_1=np.zeros(3))
    assert main(["verify", str(tmp_path / "x.pt"), str(tmp_path / "pair.npz"), "--groups", "2"]) == 2
    assert capfd.readouterr().err.count("\n") == 1
