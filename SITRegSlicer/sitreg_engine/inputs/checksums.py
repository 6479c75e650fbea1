"""SHA-256 of what was given, so that a result can be traced to its inputs."""

import hashlib
from pathlib import Path

from sitreg_engine.errors import InputError

_HEADERS_WITH_DATA_BESIDE = (".mhd", ".nhdr", ".hdr", ".img")


def checksum(path: str) -> str:
    """SHA-256 (hex) of a file; of a folder, or a header with its data beside it, of all its files in name order.

    For several files it is the hash of the lines "name hash", so that renamed or missing slices change it.
    Raises InputError when something cannot be read.
    """
    files = _files(Path(path))
    try:
        if len(files) == 1 and not Path(path).is_dir():
            return _of_file(files[0])
        lines = "".join(f"{file.name} {_of_file(file)}\n" for file in files)
    except OSError as error:
        raise InputError(f"{path} could not be read ({error.strerror}).") from error
    return hashlib.sha256(lines.encode()).hexdigest()


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(file for file in path.iterdir() if file.is_file())
    if path.suffix.lower() in _HEADERS_WITH_DATA_BESIDE:
        return sorted(file for file in path.parent.iterdir() if file.is_file() and file.stem == path.stem)
    return [path]


def _of_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
