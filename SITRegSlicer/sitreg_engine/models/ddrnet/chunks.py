"""A grid in chunks that a network can take one at a time, and one field out of what it makes of them.

Where chunks overlap, each one's share falls from 1 to 0 along a line that its neighbour's rises by: together they
are 1 everywhere, and the blended field is continuous where tiles would show seams.
"""

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

Shape = tuple[int, int, int]


@dataclass(frozen=True)
class Span:
    """Voxels of a chunk along one axis."""

    start: int
    stop: int
    before: int  # voxels at its start that it shares with the span before
    after: int  # voxels at its end that it shares with the span after

    @property
    def size(self) -> int:
        return self.stop - self.start

    def weights(self, like: Tensor) -> Tensor:
        """Its share (size,) of each voxel."""
        found = torch.ones(self.size, dtype=like.dtype, device=like.device)
        if self.before:
            found[: self.before] = _rising(self.before, like)
        if self.after:
            found[self.size - self.after :] = 1 - _rising(self.after, like)
        return found


@dataclass(frozen=True)
class Chunk:
    """A box of voxels."""

    spans: tuple[Span, Span, Span]

    @property
    def shape(self) -> Shape:
        return tuple(span.size for span in self.spans)

    @property
    def place(self) -> tuple[slice, slice, slice]:
        return tuple(slice(span.start, span.stop) for span in self.spans)

    def weights(self, like: Tensor) -> Tensor:
        """Its share (i, j, k) of each voxel: a product over the axes."""
        i, j, k = (span.weights(like) for span in self.spans)
        return i[:, None, None] * j[:, None] * k


def layout(shape: Shape, splits: Shape, most: int, overlap: int, unit: int) -> tuple[Chunk, ...]:
    """Chunks that cover a grid whose sizes are multiples of `unit` voxels; starts and sizes are multiples, too.

    At least as many along each axis as `splits` says, and more along their longest axis until none has more voxels
    than `most`, down to chunks that begin `max(overlap, unit)` voxels after each other. overlap 0: tiles.
    """
    limits = [max(n // max(overlap, unit), 1) for n in shape]
    counts = [min(wanted, limit) for wanted, limit in zip(splits, limits, strict=True)]
    while True:
        axes = [_spans(n, count, overlap, unit) for n, count in zip(shape, counts, strict=True)]
        largest = [max(span.size for span in spans) for spans in axes]
        open_axes = [axis for axis in range(3) if counts[axis] < limits[axis]]
        if math.prod(largest) <= most or not open_axes:
            return tuple(Chunk(spans) for spans in itertools.product(*axes))
        counts[max(open_axes, key=lambda axis: largest[axis])] += 1


def _spans(size: int, count: int, overlap: int, unit: int) -> list[Span]:
    """Equal parts, as far as units go; each but the last reaches `overlap` voxels into the next."""
    starts = [number * (size // unit) // count * unit for number in range(count)]
    stops = [start + overlap for start in starts[1:]] + [size]
    shared = [0] + [overlap] * (count - 1) + [0]
    return [Span(*ends, *pair) for *ends, pair in zip(starts, stops, itertools.pairwise(shared), strict=True)]


def split(x: Tensor, chunks: Sequence[Chunk]) -> Iterator[Tensor]:
    """The chunks of (N, C, I, J, K), one after the other."""
    for chunk in chunks:
        yield x[(..., *chunk.place)]


def merge(parts: Iterable[Tensor], chunks: Sequence[Chunk], shape: Shape) -> Tensor:
    """The field (N, C, I, J, K) that its parts blend to. They are taken one at a time, and then forgotten."""
    merged = None
    for part, chunk in zip(parts, chunks, strict=True):
        if merged is None:
            merged = part.new_zeros(*part.shape[:2], *shape)
        merged[(..., *chunk.place)] += part * chunk.weights(part)
    return merged


def _rising(size: int, like: Tensor) -> Tensor:
    """From 0 to 1 in equal steps that begin and end half a step inside."""
    return (torch.arange(size, dtype=like.dtype, device=like.device) + 0.5) / size
