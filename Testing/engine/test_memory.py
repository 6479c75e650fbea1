"""What memory there is, and what a registration needs."""

from pathlib import Path

import pytest

from sitreg_engine.memory import _left_in_container, free_memory, needed_memory, usable_memory


def test_this_machine_has_some_memory_left():
    assert 1e8 < free_memory() < 1e14


def test_more_voxels_of_any_sort_need_more():
    needs = [needed_memory(*voxels) for voxels in ((2e6, 1e6, 0), (1e6, 1e6, 0), (1e6, 0, 0), (0, 0, 0))]
    assert needs == sorted(needs, reverse=True) and len(set(needs)) == 4 and needs[-1] > 0
    assert needed_memory(1e6, 1e6, 1e8) > needed_memory(1e6, 1e6, 1e6)


@pytest.mark.parametrize(
    ("working_voxels", "image_voxels", "field_voxels", "peak"),
    [
        (10.3e6, 13.8e6, 14e6, 4.29e9),
        (2.9e6, 13.8e6, 14e6, 1.61e9),
        (0.74e6, 157e6, 1.6e6, 3.67e9),
        (10.1e6, 157e6, 30e6, 4.63e9),
    ],
)
def test_what_was_measured_is_covered_and_not_by_far_too_much(working_voxels, image_voxels, field_voxels, peak):
    assert peak < needed_memory(working_voxels, image_voxels, field_voxels) < 1.7 * peak


def test_a_large_ct_is_worked_on_in_full_where_eight_gigabytes_are_free():
    assert needed_memory(9e6, 2 * 512 * 512 * 300, 30e6) < usable_memory(8e9)


def test_some_memory_is_left_to_others():
    assert 0.8 * 8e9 < usable_memory(8e9) < 8e9


V2, V1 = "0::/slice/job\n", "5:cpuset:/\n4:cpu,memory:/slice/job\n"
FILES = {V2: ("memory.max", "memory.current"), V1: ("memory.limit_in_bytes", "memory.usage_in_bytes")}


def group(folder: Path, membership: str, limit: str, used: int, stat: str = "") -> None:
    """A control group's files, as Linux writes them."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in zip((*FILES[membership], "memory.stat"), (limit, str(used), stat), strict=True):
        (folder / name).write_text(text + "\n" if text else "")


def top(root: Path, membership: str) -> Path:
    return root if membership == V2 else root / "memory"


@pytest.mark.parametrize("membership", [V2, V1])
@pytest.mark.parametrize("place", ["", "slice", "slice/job"])
def test_a_containers_limit_counts_wherever_above_the_process_it_is_set(tmp_path, membership, place):
    group(top(tmp_path, membership) / place, membership, "5000", 2000)
    assert _left_in_container(tmp_path, membership) == 3000


@pytest.mark.parametrize("membership", [V2, V1])
def test_the_tightest_limit_counts(tmp_path, membership):
    group(top(tmp_path, membership) / "slice", membership, "5000", 2000)
    group(top(tmp_path, membership) / "slice/job", membership, "1500", 1000)
    assert _left_in_container(tmp_path, membership) == 500


@pytest.mark.parametrize(("membership", "prefix"), [(V2, ""), (V1, "total_")])
def test_files_kept_in_memory_make_room_when_it_is_needed(tmp_path, membership, prefix):
    stat = f"anon 100\n{prefix}inactive_file 700\n{prefix}active_file 50"
    group(top(tmp_path, membership) / "slice/job", membership, "5000", 2000, stat)
    assert _left_in_container(tmp_path, membership) == 3750


def test_a_group_that_is_full_leaves_nothing(tmp_path):
    group(tmp_path, V2, "5000", 5100)
    assert _left_in_container(tmp_path, V2) == 0


def test_a_container_without_limit_limits_nothing(tmp_path):
    assert _left_in_container(tmp_path, V2) == _left_in_container(tmp_path, "") == float("inf")
    group(tmp_path, V2, "max", 2000)
    assert _left_in_container(tmp_path, V2) == float("inf")
