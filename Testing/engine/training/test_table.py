"""The table of training images: what it may look like, and whom it may not mix."""

import pytest

from sitreg_engine.errors import InputError
from sitreg_engine.training.settings import DataSettings
from sitreg_engine.training.table import read_table


@pytest.fixture
def table(tmp_path):
    for name in ("a.nrrd", "b.nrrd", "a_labels.nrrd"):
        (tmp_path / name).write_text("")

    def read(text: str, **settings):
        path = tmp_path / "table.csv"
        path.write_text(text, encoding="utf-8")
        return read_table(DataSettings(str(path), **settings))

    return read


def test_paths_are_relative_to_the_table(table, tmp_path):
    rows = table("image,labels,person,split\na.nrrd,a_labels.nrrd,ann,train\nb.nrrd,,bob,val\n")
    assert [(r.image, r.labels, r.mask, r.person, r.split) for r in rows] == [
        (str(tmp_path / "a.nrrd"), str(tmp_path / "a_labels.nrrd"), "", "ann", "train"),
        (str(tmp_path / "b.nrrd"), "", "", "bob", "val"),
    ]


def test_paths_are_relative_to_the_root_where_one_is_given(table, tmp_path):
    rows = table("image,person\na.nrrd,ann\n", root=str(tmp_path))
    assert rows[0].image == str(tmp_path / "a.nrrd")


def test_without_a_split_a_person_is_always_on_the_same_side(table):
    text = "image,person\n" + "".join(f"a.nrrd,person {n}\nb.nrrd,person {n}\n" for n in range(200))
    sides = {}
    for row in table(text, validation_share=0.25):
        assert sides.setdefault(row.person, row.split) == row.split
    assert 0.15 < list(sides.values()).count("val") / len(sides) < 0.35


def test_more_people_move_nobody_to_the_other_side(table):
    few, many = (
        table("image,person\n" + "".join(f"a.nrrd,{n}\n" for n in range(people)), validation_share=0.2)
        for people in (20, 60)
    )
    assert [row.split for row in few].count("val") >= 2
    assert [row.split for row in many[:20]] == [row.split for row in few]


@pytest.mark.parametrize(("people", "aside"), [(5, 0), (6, 2), (12, 2)])
def test_of_few_people_a_pair_is_put_aside_for_validation(table, people, aside):
    rows = table("image,person\n" + "".join(f"a.nrrd,{n}\n" for n in range(people)), validation_share=1e-9)
    assert [row.split for row in rows].count("val") == aside
    assert {row.split for row in table("image,person\n" + "a.nrrd,x\n" * people, validation_share=0.0)} == {"train"}


def test_tables_from_a_spreadsheet_are_read(tmp_path):
    (tmp_path / "a.nrrd").write_text("")
    (tmp_path / "table.csv").write_text("\ufeffimage, person\r\na.nrrd, ann\r\n", encoding="utf-8")
    assert read_table(DataSettings(str(tmp_path / "table.csv")))[0].person == "ann"
    (tmp_path / "latin.csv").write_bytes("image,person\na.nrrd,jürgen\n".encode("latin-1"))
    with pytest.raises(InputError, match="CSV file in UTF-8"):
        read_table(DataSettings(str(tmp_path / "latin.csv")))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("image\na.nrrd\n", "needs the columns image and person"),
        ("image,person,age\na.nrrd,ann,40\n", "needs the columns"),
        ("", "it has none"),
        ("image,person\na.nrrd,\n", "Line 2 .* has no person"),
        ("image,person\nmissing.nrrd,ann\n", "does not exist"),
        ("image,person,split\na.nrrd,ann,dev\n", "split must be one of train, val, test"),
        ("image,person,split\na.nrrd,ann,train\nb.nrrd,ann,val\n", "ann is in val and in train"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused(table, text, reason):
    with pytest.raises(InputError, match=reason):
        table(text)


def test_a_missing_table_is_refused(tmp_path):
    with pytest.raises(InputError, match="A table of training images was expected"):
        read_table(DataSettings(str(tmp_path / "none.csv")))
