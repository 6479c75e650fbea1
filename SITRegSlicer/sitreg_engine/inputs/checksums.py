"""SHA-256 of what was given, so that a result can be traced to its inputs."""

import hashlib
import re
from pathlib import Path

from sitreg_engine.errors import InputError

_HEADERS_WITH_DATA_BESIDE = (".mhd", ".nhdr", ".hdr", ".img", ".hdr.gz", ".img.gz")

_TEXTS = (".mhd", ".nhdr")
_VOXELS = r"^(?:ElementDataFile *=|data ?file:)([\s\S]*)"
_LONGEST = 2**20  # bytes of a header, with a name for every slice
_DATA = r"{}\.[^.]+(\.gz)?"  # of a header of this stem, or the header itself: a.raw, a.raw.gz, a.img.gz


def checksum(path: str) -> str:
    """SHA-256 (hex) of a file; of a folder, or a header with its data beside it, of all its files in name order.

    For several files it is the hash of the lines "name hash", so that renamed or missing slices change it.
    Raises InputError when something cannot be read.
    """
    try:
        files = _files(Path(path))
        if len(files) == 1 and not Path(path).is_dir():
            return _of_file(files[0])
        lines = "".join(f"{file.name} {_of_file(file)}\n" for file in files)
    except OSError as error:
        raise InputError(f"{path} could not be read ({error.strerror}).") from error
    return hashlib.sha256(lines.encode()).hexdigest()


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(file for file in path.iterdir() if file.is_file())
    extension = next((end for end in _HEADERS_WITH_DATA_BESIDE if path.name.lower().endswith(end)), "")
    if not extension:
        return [path]
    stem = path.name[: -len(extension)]
    beside = (file for file in path.parent.iterdir() if re.fullmatch(_DATA.format(re.escape(stem)), file.name))
    named = _named(path) if extension in _TEXTS else []
    return sorted({file for file in (*beside, *named) if file.is_file()})


def _named(header: Path) -> list[Path]:
    """What a header says holds its voxels: one name, names line by line, or a pattern such as slice%03d.raw 1 9 1."""
    found = re.search(_VOXELS, header.read_bytes()[:_LONGEST].decode("latin-1"), re.MULTILINE | re.IGNORECASE)
    files = []
    for line in found[1].splitlines() if found else []:
        if "%" in line:
            numbered = re.sub(r"%\d*d", r"\\d+", re.escape(line.split()[0]))
            files += [file for file in header.parent.iterdir() if re.fullmatch(numbered, file.name)]
        elif line.strip():
            files.append(header.parent / line.strip())
    return files


def _of_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
