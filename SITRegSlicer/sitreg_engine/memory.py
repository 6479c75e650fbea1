"""How much memory a job may use on this machine, and about how much a registration needs."""

import ctypes
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_ALWAYS = 600e6  # torch and SimpleITK themselves, bytes


@dataclass(frozen=True)
class _Stage:
    """What one part of a registration holds at once, in bytes."""

    per_working_voxel: float
    per_image_voxel: float  # of both images together
    per_field_voxel: float  # of both saved fields together


# Peaks of whole registrations on a CPU, rounded up, as images may be of wider types and have labels:
# 4.1 GiB for heads at 1 mm (10 million working voxels, 14 million in both images together), 4.3 GiB for CTs at 1.5 mm
# (10 and 157 million), 3.4 GiB for the same CTs at 4 mm (0.7 million; the peak is then in measuring and writing).
_STAGES = (
    _Stage(420, 12, 0),  # deforming: features or moments, half-way maps and their inverses
    _Stage(0, 32, 45),  # measuring and writing: fields, warped images and what is measured of them
)
_SHARE = 0.9  # of what is free; the rest is for other programs
_UNLIMITED = float("inf")


def free_memory() -> float:
    """Bytes that are free on this machine, or within the limits of its container."""
    return min(_free_on_this_system(), _left_in_container(Path("/sys/fs/cgroup"), _own_groups()))


def needed_memory(working_voxels: float, image_voxels: float, field_voxels: float) -> float:
    """About how many bytes a registration needs; voxels of both images, and of both saved fields, count together."""
    voxels = (working_voxels, image_voxels, field_voxels)
    amounts = (sum(n * each for n, each in zip(voxels, vars(stage).values(), strict=True)) for stage in _STAGES)
    return _ALWAYS + max(amounts)


def usable_memory(free: float) -> float:
    """Of `free` bytes, those that a registration may take."""
    return _SHARE * free


def _free_on_this_system() -> float:
    if sys.platform == "win32":
        return _free_on_windows()
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return next(float(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration):
        # macOS does not tell what is free: half of what there is.
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2


class _WindowsMemory(ctypes.Structure):
    """MEMORYSTATUSEX of the Windows API."""

    _fields_ = [
        *((name, ctypes.c_ulong) for name in ("length", "load")),
        *((name, ctypes.c_ulonglong) for name in ("all", "free", "page", "free_page", "reach", "free_reach", "more")),
    ]


def _free_on_windows() -> float:
    status = _WindowsMemory()
    status.length = ctypes.sizeof(status)
    ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status))
    return float(status.free)


def _own_groups() -> str:
    file = Path("/proc/self/cgroup")
    return file.read_text(encoding="utf-8") if file.exists() else ""


def _left_in_container(root: Path, membership: str) -> float:
    """The least that the limits of this process's control groups leave (Linux, version 2 or 1); infinity without any.

    `membership` is the text of /proc/self/cgroup, `root` where the groups are mounted.
    """
    return min((_left_in_group(folder) for folder in _groups(root, membership)), default=_UNLIMITED)


def _groups(root: Path, membership: str) -> Iterator[Path]:
    """The group of the process and all above it: a limit holds for everything below."""
    for line in membership.splitlines():  # such as 0::/user.slice or 4:memory:/docker/1234
        _, controllers, path = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        top = root / "memory" if controllers else root
        folder = top / path.lstrip("/")
        yield folder
        while folder != top:
            folder = folder.parent
            yield folder


def _left_in_group(folder: Path) -> float:
    for limit, used in (("memory.max", "memory.current"), ("memory.limit_in_bytes", "memory.usage_in_bytes")):
        try:
            left = float((folder / limit).read_text(encoding="utf-8")) - float(
                (folder / used).read_text(encoding="utf-8")
            )
        except (OSError, ValueError):  # no such group, or "max"
            continue
        return max(left + _given_back(folder), 0.0)
    return _UNLIMITED


def _given_back(folder: Path) -> float:
    """Bytes of files that a group keeps in memory; they count as used, but make room for whoever needs it."""
    try:
        lines = (folder / "memory.stat").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0.0
    sizes = {name: float(size) for name, size in (line.split() for line in lines)}
    kinds = ("inactive_file", "active_file")
    return sum(sizes.get(f"total_{kind}", sizes.get(kind, 0.0)) for kind in kinds)
