"""Trilinear interpolation on a CPU: two bilinear ones, tile by tile.

torch's sampler of volumes goes point by point, on one core; its sampler of images uses the processor's vector
instructions. A volume is an image, too, when its planes lie below each other: the row of (i, j) is i * J + j. A tile
of points that needs few planes is interpolated in the image that begins at its first plane, and in the one that
begins a plane later, and between the two by the fraction of i. That is the same trilinear interpolation (edges held)
in a third of the processor time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor

from .parallel import in_parallel

_POINTS = 3 * 2**15  # of a tile: its intermediate values stay in the caches
_TILE_ROWS = 512  # few planes at a time need few planes: see _MOST_ROWS
_LEAST_POINTS = 2**14  # below that, a tile is not cut any further
# Of an image: rows are found by a float32 between -1 and 1, to about 1e-7 of the image's height.
_MOST_ROWS = 2049

# Part of an output: rows of its first two axes (its third is always whole).
Tile = tuple[slice, slice]
_BILINEAR_HELD = (0, 1, True)  # torch's numbers: bilinear, edges held, -1 and 1 are centres of voxels


def fits(volume: Tensor, places: Tensor) -> bool:
    """Whether `interpolate` can be used: on the CPU, without gradients, and with something to interpolate between."""
    tracked = torch.is_grad_enabled() and (volume.requires_grad or places.requires_grad)
    same = volume.dtype == places.dtype and volume.dtype in (torch.float32, torch.float64)
    return volume.device.type == "cpu" and same and not tracked and min(volume.shape[2:]) > 1


def interpolate(volume: Tensor, places: Tensor, relative: bool = False) -> Tensor:
    """Values of `volume` (N, C, I, J, K) at voxel positions `places` (N or 1, 3, P, Q, R): (N, C, P, Q, R).

    `relative`: the places are displacements from each output voxel's own index, on the volume's grid.
    """
    volume = volume.contiguous()
    result = volume.new_empty(*volume.shape[:2], *places.shape[2:])
    places = places.expand(volume.shape[0], -1, -1, -1, -1)

    def one(item: tuple[int, Tile]) -> None:
        n, tile = item
        part = (slice(None), *tile)
        _Job(volume[n], places[n][part], _indices(tile, places, relative), result[n][part]).run()

    in_parallel(one, _of_all_samples(places))
    return result


def interpolate_tile(volume: Tensor, moved: Tensor, tile: Tile, out: Tensor, sign: float = 1.0) -> Tensor:
    """Values of `volume` (N, C, I, J, K) at one tile of its grid, displaced by sign * `moved` (N, 3, p, q, K).

    They are written into `out` (N, C, p, q, K), which is returned.
    """
    indices = _indices(tile, moved, True)
    for one, displacement, found in zip(volume, moved, out, strict=True):
        _Job(one, displacement, indices, found, sign).run()
    return out


def chained(maps: Sequence[Tensor], out: Tensor | None = None) -> Tensor:
    """Displacement of maps[0] o maps[1] o ..., all displacements (N, 3, I, J, K) of one grid, in voxels.

    Tile by tile through all of them: what lies between the first and the last is never stored. `out`: memory for the
    result, none of the maps'. Raises ValueError when the shapes differ.
    """
    if len({tuple(u.shape) for u in maps}) > 1:
        shapes = ", ".join(str(tuple(u.shape)) for u in maps)
        raise ValueError(f"Maps of one grid were expected, got shapes {shapes}: resample them to a common grid.")
    *outer, inner = (u.contiguous() for u in maps)
    result = torch.empty_like(inner) if out is None else out

    def one(item: tuple[int, Tile]) -> None:
        n, tile = item
        part = (n, slice(None), *tile)
        moved = inner[part][None]
        for number, u in reversed(list(enumerate(outer))):
            found = torch.empty_like(moved) if number else result[part][None]
            moved = interpolate_tile(u[n : n + 1], moved, tile, found).add_(moved)

    in_parallel(one, _of_all_samples(inner))
    return result


def _of_all_samples(places: Tensor) -> list[tuple[int, Tile]]:
    return list(product(range(places.shape[0]), tiles(places.shape[2:])))


def _indices(tile: Tile, places: Tensor, relative: bool) -> tuple[Tensor, Tensor, Tensor]:
    """Each output voxel's own index along the axes, or nothing but zeros, as (p, 1, 1), (q, 1) and (r,)."""
    ends = (*((part.start, part.stop) for part in tile), (0, places.shape[4]))
    index = [torch.arange(*pair, dtype=places.dtype) * float(relative) for pair in ends]
    return index[0][:, None, None], index[1][:, None], index[2]


def tiles(shape: Sequence[int]) -> list[Tile]:
    """Tiles of about _POINTS points, together a whole grid (P, Q, R)."""
    p, q, r = shape
    if not p * q * r:
        return []
    columns = -(-q // -(-q * r // _POINTS))  # equal parts of a plane that is too large
    rows = max(min(_POINTS // (q * r), max(_TILE_ROWS // q, _LEAST_POINTS // (q * r))), 1)
    return [
        (slice(start, min(start + rows, p)), slice(left, min(left + columns, q)))
        for start in range(0, p, rows)
        for left in range(0, q, columns)
    ]


@dataclass(frozen=True)
class _Job:
    """One tile of one sample's output."""

    volume: Tensor  # (C, I, J, K)
    places: Tensor  # (3, p, q, r)
    indices: tuple[Tensor, Tensor, Tensor]  # what is added to the places: (p, 1, 1), (q, 1) and (r,)
    result: Tensor  # (C, p, q, r), to be filled
    sign: float = 1.0  # by which the places are multiplied

    def run(self) -> None:
        first = torch.add(self.indices[0], self.places[0], alpha=self.sign).clamp_(0, self.volume.shape[1] - 1)
        low, high = (float(x) for x in first.aminmax())
        if not low <= high:  # NaN
            return self._point_by_point()
        # The last plane is interpolated from the one before, with the full weight of the last.
        lowest, highest = (min(int(x), self.volume.shape[1] - 2) for x in (low, high))
        needed = (highest - lowest + 1) * self.volume.shape[2]
        if needed < _MOST_ROWS:
            self._from_images(first, lowest, highest)
        elif needed < 2 * _MOST_ROWS and first.numel() > _LEAST_POINTS:
            for half in self._halves():
                half.run()
        else:
            self._point_by_point()

    def _from_images(self, first: Tensor, lowest: int, highest: int) -> None:
        channels, _, height, width = self.volume.shape
        start, rows = _window(self.volume.shape, lowest, highest)
        plane = first.floor().clamp_(max=highest)
        share = first.sub_(plane)
        # torch wants positions from -1 to 1. Powers of two do no harm to whole numbers, see _window.
        step, origin = 2 / (rows - 1), 2 * (lowest * height - start) / (rows - 1) - 1
        column, row = grid = first.new_empty(2, *first.shape)
        torch.add(self.indices[1] * step + origin, self.places[1], alpha=self.sign * step, out=row)
        row.clamp_(origin, (height - 1) * step + origin).add_(plane.sub_(lowest), alpha=height * step)
        step = 2 / (width - 1)
        torch.add(self.indices[2] * step - 1, self.places[2], alpha=self.sign * step, out=column)
        grid = grid.flatten(1, 2).permute(1, 2, 0)[None]
        lines = self.volume.reshape(1, channels, -1, width)
        below, above = (
            torch.grid_sampler_2d(lines[:, :, s : s + rows], grid, *_BILINEAR_HELD) for s in (start, start + height)
        )
        shape = (channels, *first.shape)
        torch.lerp(below.view(shape), above.view(shape), share, out=self.result)

    def _point_by_point(self) -> None:
        """For a tile that needs too many planes."""
        axes = zip(self.volume.shape[1:], self.indices, self.places, strict=True)
        parts = [(index + self.sign * place) * (2 / (size - 1)) - 1 for size, index, place in axes]
        grid = torch.stack(parts[::-1], dim=-1)[None]
        self.result.copy_(torch.grid_sampler_3d(self.volume[None], grid, *_BILINEAR_HELD)[0])

    def _halves(self) -> list["_Job"]:
        axis = 0 if self.places.shape[1] >= self.places.shape[2] else 1
        middle = self.places.shape[axis + 1] // 2
        found = []
        for half in (slice(None, middle), slice(middle, None)):
            part = (slice(None),) * (axis + 1) + (half,)
            indices = tuple(index[half] if a == axis else index for a, index in enumerate(self.indices))
            found.append(_Job(self.volume, self.places[part], indices, self.result[part], self.sign))
        return found


def _window(shape: tuple[int, ...], lowest: int, highest: int) -> tuple[int, int]:
    """(first row, number of rows) of an image that holds the planes `lowest` to `highest` of a volume (C, I, J, K).

    One more than a power of two where that fits in: then whole voxels are found without any rounding.
    """
    available = (shape[1] - 1) * shape[2]
    needed = (highest - lowest + 1) * shape[2]
    rows = 2 ** (needed - 1).bit_length() + 1 if needed > 1 else 2
    rows = rows if rows <= available else available
    return min(lowest * shape[2], available - rows), rows
