"""How torch's threads wait for each other. To be called before torch is imported: its thread pool reads this once."""

import os


def wait_without_spinning() -> None:
    """Let idle threads sleep instead of burning their core, unless the user has decided otherwise.

    By default they spin. On a machine that does anything else at the same time (Slicer, for one) the working thread
    then waits for one that spins: measuring a brain pair took 123 s of wall time that way, beside one other busy
    process on two cores, and 35 s when idle threads sleep.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
