"""Pieces of work on all cores."""

import threading
import time

import pytest
import torch

from sitreg_engine.parallel import in_parallel


@pytest.fixture(autouse=True)
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_results_come_in_the_order_of_the_items():
    assert in_parallel(lambda n: n * n, range(20)) == [n * n for n in range(20)]


def test_nothing_to_do_is_done():
    assert in_parallel(lambda n: n, []) == []


def test_two_pieces_run_at_the_same_time():
    meet = threading.Barrier(2, timeout=20)
    in_parallel(lambda _: meet.wait(), range(2))  # one after the other would never meet


def test_each_piece_has_one_core_and_everyone_else_keeps_theirs():
    assert in_parallel(lambda _: torch.get_num_threads(), range(4)) == [1, 1, 1, 1]
    assert torch.get_num_threads() == 2


def test_pieces_may_have_pieces():
    nested = in_parallel(lambda n: in_parallel(lambda m: (n, m), range(3)), range(8))
    assert nested == [[(n, m) for m in range(3)] for n in range(8)]


def test_no_gradients_are_kept():
    x = torch.ones(3, requires_grad=True)
    assert not any(y.requires_grad for y in in_parallel(lambda n: x * n, range(3)))


@pytest.mark.parametrize("on", [False, True])
def test_the_callers_inference_mode_holds(on):
    with torch.inference_mode(on):
        assert [y.is_inference() for y in in_parallel(lambda n: torch.ones(2) * n, range(3))] == [on] * 3


def test_an_error_in_a_piece_reaches_the_caller():
    with pytest.raises(ZeroDivisionError):
        in_parallel(lambda n: 1 / n, range(4))


def test_pieces_for_a_gpu_follow_each_other_in_the_calling_thread():
    found = in_parallel(lambda n: (n, threading.current_thread()), range(4), torch.device("cuda"))
    assert found == [(n, threading.current_thread()) for n in range(4)]


def test_where_one_fails_nobody_is_at_work_any_more():
    begun, ended = threading.Event(), []

    def work(n: int) -> None:
        if n:
            begun.set()
            time.sleep(0.2)
            ended.append(n)
        else:
            begun.wait(20)
            raise ValueError("the first")

    with pytest.raises(ValueError, match="the first"):
        in_parallel(work, range(2))
    assert ended == [1]
