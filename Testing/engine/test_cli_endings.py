"""`sitreg register` once the result is there: whoever reads it, and what is kept of a given alignment."""

import json
import os
import shlex
import subprocess
import sys

import pytest
import SimpleITK as sitk

from sitreg_engine.cli import main

SITREG = [sys.executable, "-m", "sitreg_engine.cli"]
QUICK = ["--affine", "none", "--refine", "2", "--device", "cpu"]


@pytest.mark.parametrize("listener", ["| true", ">&-", "2>&-", ">&- 2>&-"])
def test_a_result_that_nobody_reads_is_a_success_all_the_same(pair, tmp_path, listener):
    command = shlex.join([*SITREG, "register", pair.fixed, pair.moving, "-o", str(tmp_path / "out"), *QUICK])
    done = subprocess.run(["bash", "-c", f"set -o pipefail; {command} {listener}"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "result.json").exists() and "Traceback" not in done.stderr


def test_a_narrow_terminal_shows_what_it_can(pair, tmp_path):
    done = subprocess.run(
        [*SITREG, "register", pair.fixed, pair.moving, "-o", str(tmp_path / "öut"), *QUICK],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )
    assert done.returncode == 0 and b"?ut" in done.stdout


def test_a_given_alignment_is_recorded_and_not_overwritten(pair, tmp_path, capfd):
    start = tmp_path / "forward.h5"
    sitk.WriteTransform(sitk.TranslationTransform(3, (1.0, 0.0, 0.0)), str(start))
    given = ["register", pair.fixed, pair.moving, *QUICK, "--affine", str(start)]
    assert main([*given, "-o", str(tmp_path)]) == 2
    assert "would be overwritten" in capfd.readouterr().err
    assert main([*given, "-o", str(tmp_path / "out")]) == 0
    inputs = json.loads((tmp_path / "out" / "result.json").read_text(encoding="utf-8"))["inputs"]
    assert [each["path"] for each in inputs if each["role"] == "affine"] == [str(start)]
