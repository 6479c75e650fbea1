"""Settings that no registration could honour."""

import dataclasses

import pytest

from sitreg_engine.contract import Job
from sitreg_engine.errors import InputError
from sitreg_engine.inputs import check_job, files_of

JOB = Job("1", __file__, __file__, "/out")  # any files that exist


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"refine": "0"},
        {"refine": "40"},
        {"refine": "60s"},
        {"spacing": 1.5},
        {"format": "nii.gz"},
        {"affine": "none"},
        {"fixed_points": __file__, "moving_points": __file__},
    ],
    ids=str,
)
def test_a_sound_job_passes(change):
    check_job(dataclasses.replace(JOB, **change))


@pytest.mark.parametrize(
    "change, said",
    [
        ({"moving": ""}, "needs a fixed image"),
        ({"output": ""}, "needs a fixed image"),
        ({"moving": "/none.nrrd"}, "for the moving image"),
        ({"fixed_labels": "/none.nrrd"}, "for the fixed labels"),
        ({"format": "mat"}, "h5, nrrd"),
        ({"refine": "-1"}, "Refine"),
        ({"refine": "2.5"}, "Refine"),
        ({"refine": ""}, "Refine"),
        ({"refine": "0s"}, "seconds such as 60s"),
        ({"refine": "²"}, "Refine"),
        ({"spacing": -1.0}, "spacing"),
        ({"spacing": float("nan")}, "spacing"),
        ({"spacing": float("inf")}, "spacing"),
        ({"groups": -2}, "groups"),
        ({"fixed_points": __file__}, "both"),
        ({"affine": "/none.h5"}, "transform file that exists"),
        ({"affine": "similarity"}, "auto, rigid, none"),
        ({"weights": "/none.pt"}, "not found"),
    ],
    ids=str,
)
def test_an_unsound_setting_is_refused(change, said):
    with pytest.raises(InputError, match=said):
        check_job(dataclasses.replace(JOB, **change))


def test_files_of_a_job_are_all_that_it_reads():
    job = dataclasses.replace(JOB, affine="start.tfm", weights="w.pt", fixed_mask="m.nrrd")
    expected = [("fixed", __file__), ("moving", __file__), ("fixed_mask", "m.nrrd")]
    assert files_of(job) == [*expected, ("affine", "start.tfm"), ("weights", "w.pt")]
    assert files_of(JOB) == expected[:2]  # "auto" is no file


@pytest.mark.parametrize("field", ["fixed", "moving", "output", "affine", "weights"])
def test_names_that_are_no_utf8_are_refused(field):
    with pytest.raises(InputError, match="not UTF-8"):
        check_job(dataclasses.replace(JOB, **{field: "patient\udce9.nrrd"}))


@pytest.mark.parametrize("field", ["fixed", "affine", "weights"])
def test_names_that_the_system_refuses_are_said(field):
    with pytest.raises(InputError, match="cannot be looked at"):
        check_job(dataclasses.replace(JOB, **{field: "/tmp/" + "n" * 300}))
