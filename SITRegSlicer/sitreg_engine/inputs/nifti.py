"""What ITK's NIfTI reader lets pass in silence: truncated files, and header numbers it replaces with ones.

Field positions are those of the NIfTI-1 header (nifti1.h): 348 bytes, either byte order.
"""

import gzip
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sitreg_engine.errors import InputError

from .complete import damage_refused, require_bytes

_HEADER_BYTES = 348
_CHUNK = 1 << 22


@dataclass(frozen=True)
class Header:
    """The few fields that decide where voxels lie and how many bytes they take."""

    shape: tuple[int, ...]
    bits: int  # per voxel
    offset: int  # bytes before the first voxel
    pixdim: tuple[float, ...]  # spacing along the first three axes
    orientation: tuple[float, ...]  # the numbers of qform and sform that are in use


def check(path: str, role: str) -> None:
    """Refuse a .nii or .nii.gz that is cut short, has no positive spacing or an orientation that is not finite.

    Other files, and headers of another kind (NIfTI-2, pairs), pass: they are left to the reader.
    """
    if not str(path).lower().endswith((".nii", ".nii.gz")):
        return
    with damage_refused(path, role):
        found, header = _scan(path)
    if header is None:
        return
    wanted = header.offset + int(np.prod(header.shape, dtype=np.int64)) * header.bits // 8
    require_bytes(found, wanted, path, role)
    if not all(np.isfinite(p) and p > 0 for p in header.pixdim):
        raise InputError(f"The {role} must have positive spacing, {path} has {header.pixdim} mm.")
    if not np.isfinite(header.orientation).all():
        raise InputError(f"The {role} must lie in a definite place, {path} has NaN in its direction or origin.")


def _scan(path: str) -> tuple[int, Header | None]:
    """The number of bytes in the (unpacked) file, and its header. Reading to the end also checks gzip's checksum."""
    if not str(path).lower().endswith(".gz"):
        with Path(path).open("rb") as file:
            return Path(path).stat().st_size, parse(file.read(_HEADER_BYTES))
    with gzip.open(path, "rb") as file:
        start = file.read(_HEADER_BYTES)
        found = len(start)
        while piece := file.read(_CHUNK):
            found += len(piece)
    return found, parse(start)


def parse(data: bytes) -> Header | None:
    """The header in the first 348 bytes; None when they are no NIfTI-1 header of a single file."""
    if len(data) < _HEADER_BYTES or data[344:347] != b"n+1":
        return None
    order = "<" if struct.unpack_from("<i", data, 0)[0] == _HEADER_BYTES else ">"
    dim = struct.unpack_from(order + "8h", data, 40)
    qform, sform = struct.unpack_from(order + "2h", data, 252)
    quaternion, rows = struct.unpack_from(order + "6f", data, 256), struct.unpack_from(order + "12f", data, 280)
    return Header(
        shape=dim[1 : dim[0] + 1],
        bits=struct.unpack_from(order + "h", data, 72)[0],
        offset=int(struct.unpack_from(order + "f", data, 108)[0]),
        pixdim=struct.unpack_from(order + "3f", data, 80),
        orientation=(quaternion if qform > 0 else ()) + (rows if sform > 0 else ()),
    )
