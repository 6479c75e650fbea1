"""What C libraries write to stderr is kept away, in any thread, and everything else gets there."""

import os
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from sitreg_engine.itk import quiet_libraries, reason


def test_stderr_is_silent_inside_and_back_outside(capfd):
    os.write(2, b"before ")
    with quiet_libraries():
        os.write(2, b"inside ")
        with quiet_libraries():
            os.write(2, b"deep inside ")
        os.write(2, b"still inside ")
    os.write(2, b"after")
    assert capfd.readouterr().err == "before after"


def test_it_comes_back_after_an_error(capfd):
    with pytest.raises(RuntimeError), quiet_libraries():
        raise RuntimeError
    os.write(2, b"after")
    assert capfd.readouterr().err == "after"


def test_threads_wait_for_each_other(capfd):
    inside, most = [], []

    def work(_: int) -> None:
        with quiet_libraries():
            inside.append(1)
            os.write(2, b"inside")
            time.sleep(0.01)
            most.append(len(inside))
            inside.pop()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(8)))
    os.write(2, b"after")
    assert capfd.readouterr().err == "after"
    assert max(most) == 1


def test_the_reason_is_the_telling_line():
    told = "Exception thrown in SimpleITK ReadImage: /a/b.cxx:97:\nITK ERROR: ImageFileReader(0x1): it is no image.\n"
    assert reason(RuntimeError(told)) == "ImageFileReader(0x1): it is no image"
    assert reason(RuntimeError("")) == "no reason given"
