"""Small questions that a real Slicer was asked (facts/behaviour.json): the headless one must answer the same."""

import ast
import json
import re
import traceback
from pathlib import Path

import pytest

FACTS = json.loads((Path(__file__).parent / "facts" / "behaviour.json").read_text(encoding="utf-8"))
PROBES = {probe["name"]: probe for probe in FACTS["probes"]}
RECORDED_LENGTH = 400  # longer answers were cut off when they were recorded

SKIPPED = {
    "sys.executable": "tests run in their own Python, not in Slicer's launcher",
    "icon": "the icons built into Slicer's executable are not in any wheel",
}
SAME_TYPES = {"app attrs": "version and folders are those of this installation"}
NAMES_WITHIN = {
    "packaging names": "only the names that scripts call are there, and no other",
    "parameterNodeWrapper names": "only the types that the module uses are there, and no other name",
}
FAULTS_EXPECTED = {"connect no such signal": ("QObject::connect: no signal nope(int) on QPushButton",)}


def ask(probe):
    """(repr of the answer, its type's name, None), or (None, None, the error's class)."""
    import ctk
    import qt
    import vtk

    import slicer

    names = {"slicer": slicer, "qt": qt, "ctk": ctk, "vtk": vtk}
    try:
        if "setup" in probe:
            exec(FACTS["setups"][probe["setup"]], names)
        answer = runCode(probe["code"], names)
    except Exception as error:
        traceback.print_exc()
        return None, None, type(error).__name__
    return repr(answer), type(answer).__name__, None


def runCode(code, names):
    """Run all statements; the value of the last one, which is an expression."""
    tree = ast.parse(code)
    last = ast.Expression(tree.body.pop().value)
    exec(compile(tree, "probe", "exec"), names)
    return eval(compile(last, "probe", "eval"), names)


def recordedNames(text):
    """The names in a recorded list; the last one may be cut off and is left out."""
    return re.findall(r"'(\w+)'", text)


EXACT = [name for name in PROBES if name not in {**SKIPPED, **SAME_TYPES, **NAMES_WITHIN}]


@pytest.mark.parametrize("name", EXACT)
def test_the_answer_is_slicers(name, scene, faults, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    probe = PROBES[name]
    result, typeName, error = ask(probe)
    assert error == probe.get("error")
    if "error" not in probe:
        assert typeName == probe["type"]
        assert result[:RECORDED_LENGTH] == probe["result"]
    assert faults.take() == FAULTS_EXPECTED.get(name, ())


@pytest.mark.parametrize("name", SAME_TYPES)
def test_the_answer_has_the_types_of_slicers(name, scene):
    theirs = ast.literal_eval(PROBES[name]["result"])
    ours = ast.literal_eval(ask(PROBES[name])[0])
    assert [type(value) for value in ours] == [type(value) for value in theirs]


@pytest.mark.parametrize("name", NAMES_WITHIN)
def test_a_module_has_no_name_that_slicers_lacks(name, scene):
    theirs = recordedNames(PROBES[name]["result"])
    ours = ast.literal_eval(ask(PROBES[name])[0])
    comparable = [ours_name for ours_name in ours if ours_name <= theirs[-1]]  # what follows was cut off
    assert comparable
    assert set(comparable) <= set(theirs)


@pytest.mark.parametrize("name", SKIPPED)
def test_a_skipped_question_is_one_of_the_record(name):
    assert name in PROBES
    pytest.skip(SKIPPED[name])


def test_a_wrong_answer_is_noticed(scene):
    probe = PROBES["property read"] | {"code": 'w=qt.QLineEdit("abd")\nw.text'}
    assert ask(probe)[0] != probe["result"]
