"""Ending a process together with its children.

`PythonSlicer` is a launcher that does not pass signals on: ending it alone would orphan the worker, and with it
the graphics memory it holds.
"""

import os
import signal
import subprocess
from pathlib import Path


class ProcessTree:
    """A process and all its descendants, looked up when made: once the root is gone, nobody can find them."""

    def __init__(self, rootId: int):
        self._rootId = rootId
        self._processIds = processTreeIds(rootId)

    def terminate(self) -> None:
        """Ask every process to leave. Windows knows no such request; there only `kill` works."""
        if os.name != "nt":
            _signalAll(self._processIds, signal.SIGTERM)

    def kill(self) -> None:
        """End every process now."""
        if os.name == "nt":
            _taskkill(self._rootId)
        else:
            _signalAll(dict.fromkeys([*processTreeIds(self._rootId), *self._processIds]), signal.SIGKILL)


def processTreeIds(rootId: int) -> list[int]:
    """The ids of a process and its living descendants, parents first; on Windows the root only (taskkill knows)."""
    children: dict[int, list[int]] = {}
    for processId, parentId in _parents():
        children.setdefault(parentId, []).append(processId)
    found = [rootId]
    for processId in found:
        found.extend(children.get(processId, []))
    return found


def _parents() -> list[tuple[int, int]]:
    """(process, parent) of every process of this machine; empty on Windows."""
    if os.name == "nt":
        return []
    if Path("/proc/self/stat").exists():
        return [pair for entry in Path("/proc").iterdir() if entry.name.isdigit() for pair in _readParent(entry)]
    listing = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=False).stdout
    return [(int(words[0]), int(words[1])) for words in map(str.split, listing.splitlines()) if len(words) == 2]


def _readParent(entry: Path) -> list[tuple[int, int]]:
    try:
        # The second field is the program's name in brackets, which may itself hold spaces and brackets.
        fields = (entry / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:  # the process ended meanwhile
        return []
    return [(int(entry.name), int(fields[1]))]


def _signalAll(processIds, signalNumber: int) -> None:
    for processId in processIds:
        try:
            os.kill(processId, signalNumber)
        except (ProcessLookupError, PermissionError):
            continue  # it left by itself


def _taskkill(rootId: int) -> None:
    command = ["taskkill", "/PID", str(rootId), "/T", "/F"]
    subprocess.Popen(command, creationflags=subprocess.CREATE_NO_WINDOW)
