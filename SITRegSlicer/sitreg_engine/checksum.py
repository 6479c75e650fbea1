"""The checksum of HDF5's metadata: Bob Jenkins' lookup3 (public domain, https://burtleburtle.net/bob/c/lookup3.c)."""

import struct

_MASK = 2**32 - 1
# Which of three numbers a step changes, by which other one, and that one's rotation.
_MIX = ((0, 2, 4, 1), (1, 0, 6, 2), (2, 1, 8, 0), (0, 2, 16, 1), (1, 0, 19, 2), (2, 1, 4, 0))
_FINISH = ((2, 1, 14), (0, 2, 11), (1, 0, 25), (2, 1, 16), (0, 2, 4), (1, 0, 14), (2, 1, 24))


def lookup3(data: bytes) -> int:
    """32 bits of bytes of any number (hashlittle with an initial value of 0)."""
    state = [(0xDEADBEEF + len(data)) & _MASK] * 3
    if not data:
        return state[2]
    last = (len(data) - 1) // 12 * 12
    for start in range(0, last, 12):
        _add(state, data[start : start + 12])
        for changed, by, bits, grown in _MIX:
            state[changed] = ((state[changed] - state[by]) & _MASK) ^ _rotated(state[by], bits)
            state[by] = (state[by] + state[grown]) & _MASK
    _add(state, data[last:].ljust(12, b"\0"))
    for changed, by, bits in _FINISH:
        state[changed] = ((state[changed] ^ state[by]) - _rotated(state[by], bits)) & _MASK
    return state[2]


def _add(state: list[int], block: bytes) -> None:
    for n, number in enumerate(struct.unpack("<3I", block)):
        state[n] = (state[n] + number) & _MASK


def _rotated(value: int, bits: int) -> int:
    return ((value << bits) | (value >> (32 - bits))) & _MASK
