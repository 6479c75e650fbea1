"""The files of a result: written beside their place under temporary names, moved into it when all are complete.

A folder with `result.json` holds exactly the files named there; while files are exchanged there is no `result.json`,
so a run that is killed at any moment leaves either the old result, or the new one, or none that claims to be whole.
Files of an earlier result that the new one does not have are removed, everything else in the folder is left alone.
"""

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from .contract import FORMATS
from .errors import InputError, OutputError
from .failures import or_out_of_memory
from .fields import DisplacementField
from .geometry import Grid
from .itk import reason
from .record import Record, write_record
from .writing import write_image, write_transform

RECORD = "result.json"
TRANSFORMS = ("forward", "inverse")
IMAGES = ("warped_moving", "warped_fixed", "jacobian", "warped_labels")
_TEMPORARY = ".sitreg-{pid}-"
_FORGOTTEN = 6 * 3600  # s


def check_folder(folder: str, inputs: list[str]) -> None:
    """Find out before the work begins whether the results can be written; leaves nothing behind.

    Raises OutputError when `folder` is no folder or cannot be written, and when a file out of `inputs`, or a folder,
    lies in it under the name of a result.
    """
    path = Path(folder).absolute()
    try:
        place = next(parent for parent in (path, *path.parents) if parent.exists())
    except OSError as error:  # a folder without permission, a name that is too long
        raise OutputError(f"The results cannot be written to {folder}: {error.strerror}.") from error
    if path.is_symlink() and place != path:
        raise OutputError(f"The results need a folder, {path} is a link to nothing. Choose another output.")
    if not place.is_dir():
        raise OutputError(f"The results need a folder, {place} is a file. Choose another output.")
    try:
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        raise OutputError(f"The results cannot be written to {folder}: {error.strerror} ({place}).") from error
    results = [path / name for name in _all_names()]
    for result in results:
        if result.is_dir():
            raise OutputError(f"{result} is a folder, a result of that name is a file. Choose another output.")
    places = {result.resolve() for result in results}
    for given in inputs:
        if Path(given).resolve() in places:
            raise OutputError(f"The input {given} would be overwritten by a result. Choose another output folder.")


def _all_names() -> list[str]:
    return [RECORD, *(f"{t}.{f}" for t in TRANSFORMS for f in FORMATS), *(f"{i}.nii.gz" for i in IMAGES)]


class Staging:
    """The complete files of one job, waiting in a temporary folder. Made by `staged`.

    Several threads may add files at the same time.
    """

    def __init__(self, folder: Path, temporary: Path):
        self._folder, self._temporary = folder, temporary
        self._names: dict[str, str] = {}

    def add_transform(self, name: str, field: DisplacementField, file_format: str) -> None:
        """`name` of TRANSFORMS, `file_format` of FORMATS: see `write_transform`.

        Raises OutputError when it cannot be written, InputError for an unknown format.
        """
        if file_format not in FORMATS:
            raise InputError(f"Transforms can be written as {', '.join(FORMATS)}, not as {file_format!r}.")
        path = self._path(name, file_format)
        self._write(lambda: write_transform(field, path), path)

    def add_image(self, name: str, array: np.ndarray, grid: Grid, dtype: np.dtype) -> None:
        """`name` of IMAGES; `array` (I, J, K) is stored as `dtype`: see `as_type`. Raises OutputError."""
        path = self._path(name, "nii.gz")
        self._write(lambda: write_image(array, grid, dtype, path), path)

    def publish(self, record: Record) -> dict[str, str]:
        """Move everything to its place, `result.json` last. Returns output name -> absolute path.

        Raises OutputError when that is not possible.
        """
        names = {name: self._names[name] for name in (*TRANSFORMS, *IMAGES) if name in self._names}
        try:
            write_record(record, names, self._temporary / RECORD)
            for name in _all_names():  # RECORD is the first
                if name not in names.values():
                    (self._folder / name).unlink(missing_ok=True)
            for name in (*names.values(), RECORD):
                os.replace(self._temporary / name, self._folder / name)
        except OSError as error:
            raise OutputError(f"The results could not be moved to {self._folder}: {error.strerror}.") from error
        return {name: str(self._folder / file) for name, file in {**names, "record": RECORD}.items()}

    def _path(self, name: str, extension: str) -> Path:
        self._names[name] = f"{name}.{extension}"
        return self._temporary / self._names[name]

    def _write(self, write: Callable[[], None], path: Path) -> None:
        try:
            write()
        except (RuntimeError, InputError, OSError) as error:
            told = f"{path.name} could not be written to {self._folder} ({reason(error)}). Is the disk full?"
            raise or_out_of_memory(OutputError(told), error) from error


@contextlib.contextmanager
def staged(folder: str) -> Iterator[Staging]:
    """A Staging for `folder`, which is made when missing. Without `publish` nothing of it remains.

    Raises OutputError when the folder cannot be made.
    """
    target = Path(folder).absolute()
    made = [parent for parent in (target, *target.parents) if not parent.exists()]
    try:
        target.mkdir(parents=True, exist_ok=True)
        _remove_forgotten(target)
        temporary = Path(tempfile.mkdtemp(prefix=_TEMPORARY.format(pid=os.getpid()), dir=target))
    except OSError as error:
        raise OutputError(f"The results cannot be written to {folder}: {error.strerror}.") from error
    try:
        yield Staging(target, temporary)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        _remove_empty(made)


def remove_leftovers(folder: str) -> None:
    """Remove temporary files of THIS process in `folder`, for use right before leaving without clean-up."""
    for left in Path(folder).glob(_TEMPORARY.format(pid=os.getpid()) + "*"):
        shutil.rmtree(left, ignore_errors=True)


def _remove_forgotten(folder: Path) -> None:
    """Temporary files of processes that were killed: writing takes a minute, not hours."""
    for left in folder.glob(_TEMPORARY.format(pid="*") + "*"):
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime > _FORGOTTEN:
                shutil.rmtree(left, ignore_errors=True)


def _remove_empty(folders: list[Path]) -> None:
    for folder in folders:
        try:
            folder.rmdir()
        except OSError:  # holds results
            return
