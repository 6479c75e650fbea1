"""The record of a job: its inputs and its memory."""

import hashlib

import pytest

from sitreg_engine import __version__
from sitreg_engine.contract import Job
from sitreg_engine.errors import InputError
from sitreg_engine.inputs import INPUT_ROLES
from sitreg_engine.record import describe_inputs, peak_memory


def test_every_given_input_is_described_with_its_checksum(tmp_path):
    for name in ("f.nrrd", "p.csv"):
        (tmp_path / name).write_text(name)
    job = Job("1", str(tmp_path / "f.nrrd"), str(tmp_path / "f.nrrd"), "out", fixed_points=str(tmp_path / "p.csv"))
    described = describe_inputs(job)
    assert [entry.role for entry in described] == ["fixed", "moving", "fixed_points"]
    assert described[2].sha256 == hashlib.sha256(b"p.csv").hexdigest()


def test_every_input_role_is_a_field_of_a_job():
    assert set(INPUT_ROLES) <= set(Job.__dataclass_fields__)


def test_a_missing_input_is_refused(tmp_path):
    with pytest.raises(InputError):
        describe_inputs(Job("1", str(tmp_path / "none"), "", "out"))


def test_the_peak_memory_of_this_process_is_plausible():
    assert 10 < peak_memory() < 1e6


def test_the_version_is_that_of_the_engine():
    assert __version__.count(".") == 2
