"""Where a job's files lie: uncompressed scans of patients, which must not outlive it."""

import shutil
import tempfile
import time
from pathlib import Path

import slicer

_PREFIX = "sitreg-"
_FORGOTTEN_SECONDS = 24 * 3600  # no job takes that long: Slicer was killed, or the power failed


def makeFolder() -> Path:
    """A new folder in Slicer's temporary one; those that earlier sessions left there are removed. Raises OSError."""
    parent = Path(slicer.app.temporaryPath)
    for path in parent.glob(f"{_PREFIX}*"):
        if _isForgotten(path):
            shutil.rmtree(path, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))


def _isForgotten(path: Path) -> bool:
    try:
        return path.is_dir() and time.time() - path.stat().st_mtime > _FORGOTTEN_SECONDS
    except OSError:  # another Slicer removes it right now
        return False
