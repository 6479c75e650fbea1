"""The lines between the scene side and the worker."""

import dataclasses
import json
import math
import subprocess
import sys

import pytest

from sitreg_engine import contract
from sitreg_engine.contract import Cancel, Failure, Job, Measure, Progress, Ready, Register, Result, Shutdown

JOB = Job(id="7", fixed="/bilder/Käse 1.nrrd", moving="C:\\scans\\脳.nii.gz", output="/o", spacing=1.5)
RESULT = Result(
    "7", "/o", {"forward": "/o/forward.h5"}, [Measure("folds", "Folded voxels", 0.0, "voxels")], {"read": 0.25}, "cpu"
)
MESSAGES = [
    Register(JOB),
    Cancel("7"),
    Shutdown(),
    Ready("0.1.0", 1, ["cpu", "cuda:0"], ["sitreg"]),
    Progress("7", "align", 0.25, "Aligning\nthe images"),
    RESULT,
    Failure("7", "It failed.", "Traceback", cancelled=True),
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda m: type(m).__name__)
def test_every_message_survives_the_journey(message):
    assert contract.decode(contract.encode(message)) == message


@pytest.mark.parametrize("message", MESSAGES, ids=lambda m: type(m).__name__)
def test_every_message_is_one_line(message):
    line = contract.encode(message)
    assert line.endswith("\n") and line.count("\n") == 1


def test_numbers_that_json_lacks_travel_as_null_and_measures_come_back_as_nan():
    result = dataclasses.replace(RESULT, measures=[Measure("tre", "", math.nan, "mm"), Measure("x", "", math.inf, "")])
    line = contract.encode(result)
    assert "NaN" not in line and "Infinity" not in line
    assert all(math.isnan(measure.value) for measure in contract.decode(line).measures)


@pytest.mark.parametrize(
    "line, said",
    [
        ("", "JSON line"),
        ("register", "JSON line"),
        ('{"kind": "cancel"', "JSON line"),
        ("[1, 2]", "JSON object"),
        ("{}", "message kind"),
        ('{"kind": "explode"}', "message kind"),
        ('{"kind": "cancel"}', "do not fit"),
        ('{"kind": "cancel", "id": "1", "why": "x"}', "do not fit"),
        ('{"kind": "register", "job": {"id": "1"}}', "do not fit"),
        ('{"kind": "register", "job": {"id": "1", "fixed": "", "moving": "", "output": "", "x": 1}}', "do not fit"),
    ],
)
def test_a_line_that_is_no_message_is_refused(line, said):
    with pytest.raises(contract.ContractError, match=said):
        contract.decode(line)


@pytest.mark.parametrize(
    "value, expected",
    [(1.5, 1.5), (math.nan, None), (-math.inf, None), ([math.nan, 1], [None, 1]), ({"a": (math.inf,)}, {"a": [None]})],
)
def test_finite_replaces_only_what_json_lacks(value, expected):
    assert contract.finite(value) == expected


def test_importing_the_contract_loads_the_standard_library_alone():
    folder = contract.__file__.rsplit("sitreg_engine", 1)[0]
    code = (
        f"import sys; sys.path.insert(0, {folder!r}); before = set(sys.modules)\n"
        "import sitreg_engine.contract\nprint(*set(sys.modules) - before)"
    )
    run = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in run.stdout.split()} - {"sitreg_engine"}
    assert loaded <= set(sys.stdlib_module_names)


def test_every_job_field_but_the_four_places_has_a_default():
    required = [f.name for f in dataclasses.fields(Job) if f.default is dataclasses.MISSING]
    assert required == ["id", "fixed", "moving", "output"]


def test_a_job_is_plain_json():
    assert json.loads(contract.encode(Register(JOB)))["job"]["moving"] == JOB.moving


@pytest.mark.parametrize(
    "line",
    [
        '{"kind":"register","job":"x"}',
        '{"kind":"register","job":null}',
        '{"kind":"register","job":{"id":["a"],"fixed":"a","moving":"b","output":"c"}}',
        '{"kind":"register","job":{"id":"a","fixed":"a","moving":"b","output":"c","refine":5}}',
        '{"kind":"register","job":{"id":"a","fixed":"a","moving":"b","output":"c","spacing":"1"}}',
        '{"kind":[]}',
        '{"kind":"cancel","id":[1]}',
        '{"kind":"cancel","id":' + "9" * 5000 + "}",
        "[" * 100_000,
        '{"kind":"result","measures":[1]}',
    ],
    ids=lambda line: line[:60],
)
def test_whatever_a_line_holds_it_is_a_message_or_a_contract_error(line):
    with pytest.raises(contract.ContractError):
        contract.decode(line)
