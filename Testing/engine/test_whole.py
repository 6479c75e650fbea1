"""Files that are whole or not there."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from sitreg_engine.whole import written_whole


def test_what_was_written_takes_the_place_of_the_file(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old", encoding="utf-8")
    with written_whole(path) as file:
        file.write_text("new", encoding="utf-8")
        assert path.read_text(encoding="utf-8") == "old"
    assert path.read_text(encoding="utf-8") == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_after_an_error_the_old_file_is_there_and_nothing_else(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old", encoding="utf-8")
    with pytest.raises(OSError, match="full"), written_whole(path) as file:
        file.write_text("ne", encoding="utf-8")
        raise OSError("The disk is full.")
    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError), written_whole(tmp_path / "none" / "a.txt") as file:
        file.write_text("new", encoding="utf-8")


def test_two_threads_that_write_the_same_file_do_not_meet(tmp_path):
    path, both = tmp_path / "a.txt", Barrier(2)

    def write(text: str) -> None:
        with written_whole(path) as file:
            file.write_text(text, encoding="utf-8")
            both.wait(10)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(write, ("one", "two")))
    assert path.read_text(encoding="utf-8") in ("one", "two")
    assert list(tmp_path.iterdir()) == [path]
