"""Landmarks from tables and from Slicer's markups files."""

import json
from pathlib import Path

import numpy as np
import pytest

from sitreg_engine.errors import InputError
from sitreg_engine.inputs import check_pairing, read_points

EXPECTED = np.array([[1.5, -2.0, 3.0], [4.0, 5.0, -6.25]])


def written(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


def markups(system: str = "LPS", status: str = "defined", position=(1.5, -2.0, 3.0)) -> dict:
    points = [
        {"id": "1", "position": list(position), "positionStatus": status},
        {"id": "2", "position": [4.0, 5.0, -6.25], "positionStatus": "defined"},
    ]
    return {"markups": [{"type": "Fiducial", "coordinateSystem": system, "controlPoints": points}]}


@pytest.mark.parametrize(
    "text",
    [
        "1.5,-2,3\n4,5,-6.25\n",
        "x,y,z\n1.5,-2,3\n4,5,-6.25",
        "X, Y, Z\n1.5, -2, 3\n\n4, 5, -6.25\n",
        "# LPS mm\nname,z,y,x\nA,3,-2,1.5\nB,-6.25,5,4\n",
        "\ufeffx,y,z\r\n1.5,-2,3\r\n4,5,-6.25\r\n",
    ],
    ids=["bare", "header", "spaces", "named columns", "Windows"],
)
def test_a_table_of_points_is_read(tmp_path, text):
    points = read_points(written(tmp_path / "pünkte 1.csv", text))
    assert points.dtype == np.float64
    np.testing.assert_array_equal(points, EXPECTED)


def test_markups_in_lps_are_read_as_they_are(tmp_path):
    path = written(tmp_path / "F.mrk.json", json.dumps(markups("LPS")))
    np.testing.assert_array_equal(read_points(path), EXPECTED)


def test_markups_in_ras_are_turned_to_lps(tmp_path):
    path = written(tmp_path / "F.mrk.json", json.dumps(markups("RAS")))
    np.testing.assert_array_equal(read_points(path), EXPECTED * (-1, -1, 1))


@pytest.mark.parametrize(
    "text, said",
    [
        ("", "no points"),
        ("x,y,z\n", "no points"),
        ("1,2\n", "three numbers"),
        ("1,2,3,4\n", "three numbers"),
        ("1,2,three\n", "three numbers"),
        ("x,y,z\n1,2\n", "three numbers"),
        ("a,b,c\n1,2,3\n", "columns x, y, z"),
        ("1,2,nan\n", "finite"),
        ("1,2,inf\n", "finite"),
        ("x" * 200_000, "no table"),
    ],
)
def test_a_table_that_holds_no_points_is_refused(tmp_path, text, said):
    with pytest.raises(InputError, match=said):
        read_points(written(tmp_path / "p.csv", text), "fixed points")


@pytest.mark.parametrize(
    "record, said",
    [
        ({}, "no Slicer markups"),
        ([1], "no Slicer markups"),
        ({"markups": []}, "no Slicer markups"),
        ({"markups": [{"coordinateSystem": "LPS", "controlPoints": []}]}, "no points"),
        ({"markups": markups()["markups"] * 2}, "one list"),
        (markups("IJK"), "LPS or RAS"),
        (markups(status="undefined"), "never placed"),
        (markups(position=(1.0, 2.0)), "not three numbers"),
        (markups(position=("a", "b", "c")), "not three numbers"),
    ],
)
def test_markups_that_do_not_say_where_the_points_are_are_refused(tmp_path, record, said):
    with pytest.raises(InputError, match=said):
        read_points(written(tmp_path / "p.mrk.json", json.dumps(record)), "fixed points")


def test_broken_json_is_refused(tmp_path):
    with pytest.raises(InputError, match="no Slicer markups"):
        read_points(written(tmp_path / "p.mrk.json", '{"markups": ['))


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="no file for the moving points"):
        read_points(str(tmp_path / "none.csv"), "moving points")


def test_a_file_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "p.csv").write_bytes(b"\xff\xfe\x00\x01\x9c")
    with pytest.raises(InputError, match="as text"):
        read_points(str(tmp_path / "p.csv"))


def test_points_without_a_partner_are_refused():
    check_pairing(EXPECTED, EXPECTED + 1)
    with pytest.raises(InputError, match="2 fixed and 1 moving"):
        check_pairing(EXPECTED, EXPECTED[:1])


@pytest.mark.parametrize("position", [(1.0, 2.0), (1.0, 2.0, 3.0, 4.0, 5.0, 6.0)])
def test_a_point_of_other_than_three_numbers_is_refused(tmp_path, position):
    text = json.dumps(markups(position=position))
    with pytest.raises(InputError, match="three numbers"):
        read_points(written(tmp_path / "p.mrk.json", text))
