"""The worker and whoever started it: its life ends with theirs, and only the contract goes over their pipe."""

import subprocess
import sys
import time
from pathlib import Path

import pytest


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes through /proc")
def test_the_worker_does_not_outlive_a_starter_that_was_killed(tmp_path):
    code = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-m', 'sitreg_engine.worker'], stdin=subprocess.PIPE)\n"
        "print(child.pid, flush=True)\ntime.sleep(60)"
    )
    starter = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    child = int(starter.stdout.readline())
    starter.kill()
    starter.wait()
    starter.stdout.read()  # returns once the worker, which shares this pipe, has gone too
    starter.stdout.close()
    deadline = time.monotonic() + 2
    while not has_ended(child) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert has_ended(child)


def has_ended(pid: int) -> bool:
    """Gone, or dead and waiting for the system to take note of it (init may be slow to)."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return True
    return state in "ZX"


def test_what_libraries_print_goes_to_stderr():
    code = (
        "import os\nfrom sitreg_engine.worker import _claim_pipes\nstdin, stdout = _claim_pipes()\n"
        "print('from python')\nos.system('echo from C')\nstdout.write(stdin.readline())\nstdout.flush()\n"
    )
    run = subprocess.run([sys.executable, "-c", code], input=b"line\n", capture_output=True, check=True)
    assert run.stdout == b"line\n"
    assert b"from python" in run.stderr and b"from C" in run.stderr
