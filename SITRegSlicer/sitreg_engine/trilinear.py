"""Trilinear interpolation on a CPU: two bilinear ones, tile by tile.

torch's sampler of volumes goes point by point, on one core; its sampler of images uses the processor's vector
instructions. A volume is an image, too, when its planes lie below each other: the row of (i, j) is i * J + j. A tile
of points that needs few planes is interpolated in the image that begins at its first plane, and in the one that
begins a plane later, and between the two by the fraction of i. That is the same trilinear interpolation (edges held)
in a third of the processor time.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

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
Place = tuple[Tensor, Tensor]  # positions along one axis, and the indices to be added to them
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
    count, channels = volume.shape[:2]
    result = volume.new_empty(count, channels, *places.shape[2:])
    indices = _indices(places, relative)
    jobs = [
        _Job(volume[n], places[n if places.shape[0] > 1 else 0], indices, result[n], tile)
        for n in range(count)
        for tile in _tiles(*places.shape[2:])
    ]
    in_parallel(_Job.run, jobs)
    return result


def _indices(places: Tensor, relative: bool) -> tuple[Tensor, Tensor, Tensor]:
    """Each output voxel's own index along the axes, or nothing but zeros, as (P, 1, 1), (Q, 1) and (R,)."""
    index = [torch.arange(n, dtype=places.dtype) * float(relative) for n in places.shape[2:]]
    return index[0][:, None, None], index[1][:, None], index[2]


def _tiles(p: int, q: int, r: int) -> Iterator[Tile]:
    """Tiles of about _POINTS points, together the whole output."""
    columns = -(-q // -(-q * r // _POINTS))  # equal parts of a plane that is too large
    rows = max(min(_POINTS // (q * r), max(_TILE_ROWS // q, _LEAST_POINTS // (q * r))), 1)
    for start in range(0, p, rows):
        for left in range(0, q, columns):
            yield slice(start, min(start + rows, p)), slice(left, min(left + columns, q))


@dataclass(frozen=True)
class _Job:
    """One tile of one sample's output."""

    volume: Tensor  # (C, I, J, K)
    places: Tensor  # (3, P, Q, R)
    indices: tuple[Tensor, Tensor, Tensor]  # what is added to the places: (P, 1, 1), (Q, 1) and (R,)
    result: Tensor  # (C, P, Q, R), of which the tile is filled
    tile: Tile

    def run(self) -> None:
        i, j, k = (place[self.tile] for place in self.places)
        index_i, index_j, index_k = self.indices
        first = torch.add(i, index_i[self.tile[0]]).clamp_(0, self.volume.shape[1] - 1)
        low, high = (float(x) for x in first.aminmax())
        if not low <= high:  # NaN
            return self._point_by_point()
        # The last plane is interpolated from the one before, with the full weight of the last.
        lowest, highest = (min(int(x), self.volume.shape[1] - 2) for x in (low, high))
        needed = (highest - lowest + 1) * self.volume.shape[2]
        if needed < _MOST_ROWS:
            self._from_images(first, (j, index_j[self.tile[1]]), (k, index_k), lowest, highest)
        elif needed < 2 * _MOST_ROWS and first.numel() > _LEAST_POINTS:
            for half in _halves(self.tile):
                replace(self, tile=half).run()
        else:
            self._point_by_point()

    def _from_images(self, first: Tensor, second: Place, third: Place, lowest: int, highest: int) -> None:
        channels, _, height, width = self.volume.shape
        start, rows = _window(self.volume.shape, lowest, highest)
        plane = first.floor().clamp_(max=highest)
        share = first.sub_(plane)
        # torch wants positions from -1 to 1. Powers of two do no harm to whole numbers, see _window.
        step, origin = 2 / (rows - 1), 2 * (lowest * height - start) / (rows - 1) - 1
        column, row = grid = first.new_empty(2, *first.shape)
        torch.add(second[1] * step + origin, second[0], alpha=step, out=row)
        row.clamp_(origin, (height - 1) * step + origin).add_(plane.sub_(lowest), alpha=height * step)
        step = 2 / (width - 1)
        torch.add(third[1] * step - 1, third[0], alpha=step, out=column)
        grid = grid.flatten(1, 2).permute(1, 2, 0)[None]
        lines = self.volume.reshape(1, channels, -1, width)
        below, above = (
            torch.grid_sampler_2d(lines[:, :, s : s + rows], grid, *_BILINEAR_HELD) for s in (start, start + height)
        )
        shape = (channels, *first.shape)
        torch.lerp(below.view(shape), above.view(shape), share, out=self.result[(slice(None), *self.tile)])

    def _point_by_point(self) -> None:
        """For a tile that needs too many planes."""
        own = (index[part] for index, part in zip(self.indices, (*self.tile, slice(None)), strict=True))
        axes = zip(self.volume.shape[1:], own, self.places[(slice(None), *self.tile)], strict=True)
        parts = [(index + place) * (2 / (size - 1)) - 1 for size, index, place in axes]
        grid = torch.stack(parts[::-1], dim=-1)[None]
        self.result[(slice(None), *self.tile)] = torch.grid_sampler_3d(self.volume[None], grid, *_BILINEAR_HELD)[0]


def _window(shape: tuple[int, ...], lowest: int, highest: int) -> tuple[int, int]:
    """(first row, number of rows) of an image that holds the planes `lowest` to `highest` of a volume (C, I, J, K).

    One more than a power of two where that fits in: then whole voxels are found without any rounding.
    """
    available = (shape[1] - 1) * shape[2]
    needed = (highest - lowest + 1) * shape[2]
    rows = 2 ** (needed - 1).bit_length() + 1 if needed > 1 else 2
    rows = rows if rows <= available else available
    return min(lowest * shape[2], available - rows), rows


def _halves(tile: Tile) -> list[Tile]:
    rows, columns = tile
    if rows.stop - rows.start >= columns.stop - columns.start:
        middle = (rows.start + rows.stop) // 2
        return [(slice(rows.start, middle), columns), (slice(middle, rows.stop), columns)]
    middle = (columns.start + columns.stop) // 2
    return [(rows, slice(columns.start, middle)), (rows, slice(middle, columns.stop))]
