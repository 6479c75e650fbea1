"""What ITK's MetaImage reader lets pass in silence: packed voxels that are cut short or damaged.

It takes what could be unpacked and leaves the rest of the image as the memory happens to be.
"""

import contextlib
import math
import zlib
from pathlib import Path
from typing import BinaryIO

from .complete import damage_refused, require_bytes

_CHUNK = 1 << 16  # packed bytes; unpacked they may be a thousand times as many
_EITHER_HEADER = 47  # zlib's number for: zlib or gzip, whichever it is
_BYTES = {
    **dict.fromkeys(("MET_CHAR", "MET_UCHAR"), 1),
    **dict.fromkeys(("MET_SHORT", "MET_USHORT"), 2),
    **dict.fromkeys(("MET_INT", "MET_UINT", "MET_LONG", "MET_ULONG", "MET_FLOAT"), 4),
    **dict.fromkeys(("MET_LONG_LONG", "MET_ULONG_LONG", "MET_DOUBLE"), 8),
}


def check(path: str, role: str) -> None:
    """Refuse a packed .mha or .mhd whose voxels cannot all be unpacked. Other files are left to the reader."""
    if not str(path).lower().endswith((".mha", ".mhd")):
        return
    with damage_refused(path, role), contextlib.suppress(KeyError, ValueError):  # a header of another kind
        require_bytes(*_sizes(Path(path)), path, role)


def _sizes(path: Path) -> tuple[int, int]:
    """Bytes of the unpacked voxels, and how many the header asks for; nothing where they are not packed."""
    with path.open("rb") as file:
        header = _header(file)
        if header.get("CompressedData", "").lower() != "true":
            return 0, 0
        channels = int(header.get("ElementNumberOfChannels", "1"))
        wanted = math.prod(map(int, header["DimSize"].split())) * channels * _BYTES[header["ElementType"]]
        if header["ElementDataFile"].upper() == "LOCAL":
            if "CompressedDataSize" not in header:  # ITK unpacks anything then
                raise EOFError("its header lacks CompressedDataSize")
            return _unpacked(file), wanted
    with (path.parent / header["ElementDataFile"]).open("rb") as file:
        return _unpacked(file), wanted


def _header(file: BinaryIO) -> dict[str, str]:
    """The lines "name = value" up to that which says where the voxels are; the file is read up to there."""
    found = {}
    while "ElementDataFile" not in found:
        name, equals, value = file.readline(1 << 16).decode("utf-8").partition("=")
        if not equals:
            raise ValueError("no header of a MetaImage")
        found[name.strip()] = value.strip()
    return found


def _unpacked(file: BinaryIO) -> int:
    """How many bytes come out of the rest of a file. Raises zlib.error, and EOFError when its end is missing."""
    unpacker, count = zlib.decompressobj(_EITHER_HEADER), 0
    while piece := file.read(_CHUNK):
        count += len(unpacker.decompress(piece))
    if not unpacker.eof:
        raise EOFError("its packed voxels end too early")
    return count
