"""A small HDF5 writer: groups, texts and one-dimensional arrays of numbers, written as they lie in memory.

SimpleITK knows transforms in double precision alone: it would store a displacement field twice as large as it is, and
copy it several times on the way. The layout is the one ITK itself writes (superblock and object headers of version 2,
all arrays contiguous), after "HDF5 File Format Specification Version 3.0"; section numbers are from there.
"""

import struct
from pathlib import Path

import numpy as np

from .checksum import lookup3

Tree = dict[str, "Tree | str | np.ndarray"]  # names to groups, texts and arrays (N,) of float32 or float64

_NOWHERE = 2**64 - 1
_SUPERBLOCK_BYTES = 48
_DATA = 2**14  # where arrays begin; everything else lies before
_HEAP_BYTES = 4096  # the least a heap may have
_DATASPACE, _LINK_INFO, _DATATYPE, _FILL_VALUE, _LINK, _LAYOUT, _GROUP_INFO = 0x01, 0x02, 0x03, 0x05, 0x06, 0x08, 0x0A
# IV.A.2.d: class and version, three bytes of flags, size; then bits: offset, precision, exponent, mantissa, and bias.
_FLOATS = {
    np.dtype("<f4"): struct.pack("<4BI2H4BI", 0x11, 0x20, 31, 0, 4, 0, 32, 23, 8, 0, 23, 127),
    np.dtype("<f8"): struct.pack("<4BI2H4BI", 0x11, 0x20, 63, 0, 8, 0, 64, 52, 11, 0, 52, 1023),
}
_TEXT = struct.pack("<4BI4BI2H", 0x19, 0x01, 0, 0, 16, 0x10, 0, 0, 0, 1, 0, 8)  # of any length, made of bytes


def write_hdf5(path: Path, tree: Tree) -> None:
    """Write a new file. Raises OSError when that is not possible, ValueError when there are too many names."""
    layout = _Layout()
    root = layout.add(tree)
    head = layout.finished(root)
    with path.open("wb") as file:
        file.write(head)
        for address, array in layout.arrays:
            file.seek(address)
            file.write(memoryview(array).cast("B"))
        file.truncate(layout.end)  # an array may end before its room does: the library refuses a shorter file


class _Layout:
    """Addresses are given as pieces come, children before the groups that name them."""

    def __init__(self):
        self.arrays: list[tuple[int, np.ndarray]] = []  # address, what is written there
        self._head = bytearray(_SUPERBLOCK_BYTES)
        self.end = _DATA  # of the file

    def add(self, item: "Tree | str | np.ndarray") -> int:
        """The address of its object header."""
        if isinstance(item, dict):
            return self._put(_group({name: self.add(child) for name, child in item.items()}))
        if isinstance(item, str):
            heap = self._put(_heap(item.encode("ascii")))
            reference = self._put(struct.pack("<IQI", len(item), heap, 1))
            return self._put(_dataset(_TEXT, 1, reference, 16))
        array = np.ascontiguousarray(item, dtype=item.dtype.newbyteorder("<"))
        address, self.end = self.end, self.end + array.nbytes + -array.nbytes % 8
        self.arrays.append((address, array))
        return self._put(_dataset(_FLOATS[array.dtype], array.size, address, array.nbytes))

    def finished(self, root: int) -> bytes:
        """All that is not an array (II.B)."""
        if len(self._head) > _DATA:
            raise ValueError(f"Too many names for one file: they take {len(self._head)} of {_DATA} bytes.")
        start = b"\x89HDF\r\n\x1a\n" + struct.pack("<4B4Q", 2, 8, 8, 0, 0, _NOWHERE, self.end, root)
        self._head[:_SUPERBLOCK_BYTES] = start + struct.pack("<I", lookup3(start))
        return bytes(self._head)

    def _put(self, piece: bytes) -> int:
        address = len(self._head)
        self._head += piece + bytes(-len(piece) % 8)
        return address


def _group(members: dict[str, int]) -> bytes:
    """Names and the addresses of what they stand for (IV.A.2.c, IV.A.2.g, IV.A.2.k)."""
    links = [
        (_LINK, struct.pack("<3B", 1, 0, len(name)) + name.encode("ascii") + struct.pack("<Q", address))
        for name, address in members.items()
    ]
    return _object([(_LINK_INFO, struct.pack("<2B2Q", 0, 0, _NOWHERE, _NOWHERE)), (_GROUP_INFO, bytes(2)), *links])


def _dataset(kind: bytes, count: int, address: int, size: int) -> bytes:
    """A one-dimensional array in one piece (IV.A.2.b, IV.A.2.d, IV.A.2.f, IV.A.2.i)."""
    space = struct.pack("<4BQ", 2, 1, 0, 1, count)
    fill = bytes((3, 0x02))  # the library's own default, which is of no importance: nothing is left empty
    return _object(
        [
            (_DATASPACE, space),
            (_DATATYPE, kind),
            (_FILL_VALUE, fill),
            (_LAYOUT, struct.pack("<2B2Q", 3, 1, address, size)),
        ]
    )


def _object(messages: list[tuple[int, bytes]]) -> bytes:
    """An object header (IV.A.1.b)."""
    body = b"".join(struct.pack("<BHB", kind, len(data), 0) + data for kind, data in messages)
    header = b"OHDR" + struct.pack("<2BH", 2, 0x01, len(body)) + body
    return header + struct.pack("<I", lookup3(header))


def _heap(text: bytes) -> bytes:
    """A global heap collection with one object (III.E)."""
    stored = struct.pack("<2HIQ", 1, 1, 0, len(text)) + text + bytes(-len(text) % 8)
    head = b"GCOL" + struct.pack("<4BQ", 1, 0, 0, 0, _HEAP_BYTES) + stored
    free = _HEAP_BYTES - len(head)
    return head + struct.pack("<2HIQ", 0, 0, 0, free) + bytes(free - 16)
