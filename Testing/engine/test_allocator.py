"""Freed memory is kept for the next tensor while a job runs, and given back after it."""

import os
import platform
import subprocess
import sys

import pytest

from sitreg_engine import allocator

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="these are switches of glibc")

_SIZE = 96 << 20  # bytes: more than what glibc keeps by itself
_TOOLS = f"""
import resource
from threading import Thread
from sitreg_engine.allocator import give_back_freed_memory, keep_freed_memory, kept_memory, large_blocks_returned

PAGE = resource.getpagesize()

def fill(times):
    # In a thread, as `sitreg register` works.
    thread = Thread(target=lambda: [len(bytes([1]) * {_SIZE}) for _ in range(times)])
    thread.start()
    thread.join()

def new_bytes(times):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(times):
        fill(1)
    return (resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) * PAGE

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * PAGE

"""


def _numbers(code: str) -> list[int]:
    """What `code` prints in a process of its own: the switches are for a whole process."""
    done = subprocess.run([sys.executable, "-c", _TOOLS + code], capture_output=True, text=True, check=True)
    return [int(word) for word in done.stdout.split()]


def test_a_large_block_that_was_freed_is_used_again_by_any_thread():
    kept, found = _numbers("print(int(keep_freed_memory())); fill(1); print(new_bytes(4))")
    assert kept == 1 and found < _SIZE / 2


def test_without_the_switches_every_large_block_is_new():
    assert _numbers("fill(1); print(new_bytes(4))")[0] >= 4 * _SIZE


def test_what_is_kept_is_given_back_on_request():
    code = "keep_freed_memory(); fill(1); print(resident()); give_back_freed_memory(); print(resident())"
    kept, left = _numbers(code)
    assert kept - left > 0.9 * _SIZE


def test_what_is_kept_is_known():
    before, kept, used = _numbers(
        "keep_freed_memory(); a = int(kept_memory()); fill(1); b = int(kept_memory()); block = bytes([1]) * "
        f"{_SIZE}; print(a, b, int(kept_memory()))"
    )
    assert kept - before > 0.9 * _SIZE and kept - used > 0.9 * _SIZE
    assert _numbers("fill(1); print(int(kept_memory()))") == [0]


def test_large_blocks_are_returned_for_a_while_and_kept_again():
    measured = "fill(1); print(new_bytes(4))"
    meanwhile, afterwards = _numbers(f"keep_freed_memory()\nwith large_blocks_returned():\n    {measured}\n{measured}")
    assert meanwhile >= 4 * _SIZE and afterwards < _SIZE / 2


def test_a_process_that_keeps_nothing_is_not_changed_for_good():
    assert _numbers("with large_blocks_returned(): pass\nfill(1); print(new_bytes(4))")[0] >= 4 * _SIZE


def test_other_c_libraries_are_left_alone(monkeypatch):
    monkeypatch.setattr(allocator.sys, "platform", "win32")
    assert allocator.keep_freed_memory() is False
    allocator.give_back_freed_memory()
    assert allocator.kept_memory() == 0


@pytest.mark.parametrize(("decided", "expected"), [(None, "1"), ("0", "0")], ids=["by default", "the user decided"])
def test_torch_asks_for_large_pages(monkeypatch, decided, expected):
    if decided is None:
        monkeypatch.delenv("THP_MEM_ALLOC_ENABLE", raising=False)
    else:
        monkeypatch.setenv("THP_MEM_ALLOC_ENABLE", decided)
    allocator.use_large_pages()
    assert os.environ["THP_MEM_ALLOC_ENABLE"] == expected
