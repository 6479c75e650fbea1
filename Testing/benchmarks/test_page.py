"""Tables stand in a page between their marks, and nothing else of it is touched."""

import pytest
from page import put_into


def test_only_the_place_between_the_marks_is_replaced(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- speed: a -->\nold\n<!-- speed: end of a -->\nafter\n", encoding="utf-8")
    put_into(page, "speed", "a", "| new \\1 |")
    put_into(page, "speed", "a", "| newer ≤ \\1 |")
    expected = "before\n<!-- speed: a -->\n| newer ≤ \\1 |\n<!-- speed: end of a -->\nafter\n"
    assert page.read_text(encoding="utf-8") == expected


def test_benchmarks_that_share_a_page_keep_to_their_own_places(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("".join(f"<!-- {p}: a -->\nold\n<!-- {p}: end of a -->\n" for p in ("speed", "accuracy")))
    put_into(page, "accuracy", "a", "new")
    assert page.read_text(encoding="utf-8").split("\n")[1:5:3] == ["old", "new"]


@pytest.mark.parametrize("content", ["", "<!-- speed: b -->", "<!-- speed: end of b -->\n<!-- speed: b -->"])
def test_a_page_without_the_place_is_refused_and_stays_as_it_is(tmp_path, content):
    page = tmp_path / "page.md"
    page.write_text(content)
    with pytest.raises(ValueError, match=r"page\.md should have a line <!-- speed: b --> and below it"):
        put_into(page, "speed", "b", "text")
    assert page.read_text(encoding="utf-8") == content
