"""One image with what belongs to it, as inference would read it, and kept on disk ready to use."""

import hashlib
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from sitreg_engine.geometry import Grid
from sitreg_engine.images import Volume, from_sitk, to_sitk
from sitreg_engine.inputs import checksum, read_labels, read_mask, read_volume
from sitreg_engine.scan import Scan, make_scan
from sitreg_engine.study import canonical
from sitreg_engine.whole import written_whole

from .table import Row

_VERSION = 2  # of what is stored; another one is prepared anew


@dataclass(frozen=True)
class Subject:
    """Canonical volumes (axes nearest to L, P, S), each in its own voxels; None where the table has nothing."""

    image: Volume  # float32, original intensities
    inside: Volume  # bool, coarse: where the image shows something (the mask, where there is one)
    labels: Volume | None
    mask: Volume | None
    body: Volume | None  # bool, on the labels' grid: the labelled part without holes (of a head: the brain)
    shown: Volume | None = None  # other intensities of the same anatomy, for the network; None = the image

    @property
    def scan(self) -> Scan:
        """The image as a registration looks at it."""
        return Scan(self.image, self.mask, self.inside)


def key_of(row: Row) -> str:
    """Names a row's files by their present content: changed files are read anew, moved and copied ones are not."""
    parts = [str(_VERSION), *(_content(path) if path else "" for path in (row.image, row.labels, row.mask))]
    return hashlib.sha256("|".join(parts).encode()).hexdigest()[:20]


def _content(path: str) -> str:
    status = os.stat(path)
    return _digest(path, status.st_size, status.st_mtime_ns)


@cache
def _digest(path: str, _size: int, _time: int) -> str:
    """Found once in a process, as long as the file looks the same."""
    return checksum(path)


def load_subject(row: Row, cache: Path) -> Subject:
    """From the cache, or from the files of the table (and into the cache). Raises InputError for unusable files."""
    path = cache / "subjects" / f"{key_of(row)}.npz"
    if not path.is_file():
        _store(_read(row), path)
    with np.load(path) as stored:
        return Subject(*(_volume(stored, name) for name in ("image", "inside", "labels", "mask", "body")))


def _read(row: Row) -> Subject:
    image = read_volume(row.image, "image")
    labels = canonical(read_labels(row.labels, image.grid, "labels")) if row.labels else None
    scan = make_scan(image, read_mask(row.mask, image.grid, "mask") if row.mask else None)
    return Subject(scan.image, scan.inside, labels, scan.mask, None if labels is None else _body(labels))


def _body(labels: Volume) -> Volume:
    """What lies between labels (sulci, ventricles) belongs to it: closed by 4 mm, then filled."""
    image = to_sitk((labels.array != 0).astype(np.uint8), labels.grid)
    radius = [max(round(4.0 / spacing), 1) for spacing in labels.grid.spacing]
    closed = sitk.BinaryFillhole(sitk.BinaryMorphologicalClosing(image, radius))
    return Volume(from_sitk(closed).array.astype(bool), labels.grid)


def _store(subject: Subject, path: Path) -> None:
    content = {}
    for name, volume in vars(subject).items():
        if volume is not None:
            content[name] = _compact(volume.array, name)
            content[f"{name}_grid"] = np.array([*volume.grid.spacing, *volume.grid.origin, *volume.grid.direction])
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as temporary, open(temporary, "wb") as file:
        np.savez(file, **content)


def _compact(array: np.ndarray, name: str) -> np.ndarray:
    """Labels in the smallest type that holds them, masks as bool."""
    if name == "mask":
        return array != 0
    return array.astype(np.min_scalar_type(int(array.max()))) if name == "labels" and array.min() >= 0 else array


def _volume(stored, name: str) -> Volume | None:
    if name not in stored:
        return None
    array, numbers = stored[name], stored[f"{name}_grid"].tolist()
    return Volume(array, Grid(array.shape, tuple(numbers[:3]), tuple(numbers[3:6]), tuple(numbers[6:])))
