"""What memory there is, and what a registration needs."""

import pytest

from sitreg_engine.memory import _left_in_container, free_memory, most_working_voxels, needed_memory


def test_this_machine_has_some_memory_left():
    assert 1e8 < free_memory() < 1e14


def test_a_larger_grid_and_larger_images_need_more():
    assert needed_memory(2e6, 1e6) > needed_memory(1e6, 1e6) > needed_memory(1e6, 0) > 0


def test_the_largest_grid_fits_and_is_no_smaller_than_it_must_be():
    most = most_working_voxels(8e9, 20e6)
    assert 0.85 * 8e9 < needed_memory(most, 20e6) < 8e9


def test_where_the_images_do_not_fit_there_is_no_grid():
    assert most_working_voxels(1e9, 500e6) == 0


@pytest.mark.parametrize(
    "limit, used", [("memory.max", "memory.current"), ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes")]
)
def test_a_containers_limit_counts(tmp_path, limit, used):
    (tmp_path / "memory").mkdir()
    (tmp_path / limit).write_text("5000\n")
    (tmp_path / used).write_text("2000\n")
    assert _left_in_container(tmp_path) == 3000


def test_a_container_without_limit_limits_nothing(tmp_path):
    assert _left_in_container(tmp_path) == float("inf")
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "memory.current").write_text("2000\n")
    assert _left_in_container(tmp_path) == float("inf")
