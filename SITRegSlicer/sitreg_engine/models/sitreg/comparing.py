"""Two images' features side by side: their difference and their sum, as seen from the half-way space.

On a CPU the features of a voxel are neighbours in memory. They are fetched as whole rows, eight for each point, and
mixed by torch's embedding bag, which does just that: it takes a third of the time of sampling channel by channel,
and the layout that convolutions like best is never left.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from sitreg_engine.mappings import identity, sample, warp
from sitreg_engine.models.halfway import HalfWay
from sitreg_engine.parallel import in_parallel
from sitreg_engine.trilinear import fits

from .affine_head import HalfAffines, transform

_POINTS = 2**14  # taken at a time: their indices and weights stay in the caches


@dataclass(frozen=True)
class _Places:
    """Where a level's features are to be found, in its voxels: positions, or displacements from each voxel's own."""

    places: Tensor  # (N or 1, 3, i, j, k)
    relative: bool


def compared(
    features: list[Tensor],
    state: HalfWay | None,
    affines: HalfAffines | None,
    scale: int,
    dtype: torch.dtype | None = None,
) -> tuple[Tensor, Tensor]:
    """Difference and sum of the two images' features (N, F, i, j, k) as seen from the half-way space, in `dtype`.

    Feature voxel j of scale s lies at s * j + (s - 1) / 2 of the grid of `state`; None: nothing has moved yet.
    Without a dtype they keep the features'. Empties the list: the features are freed as soon as they are not needed.
    """
    dtype = dtype or features[0].dtype
    maps = (state and state.left, affines and affines.left), (state and state.right, affines and affines.right)
    places = [_places(x, *halves, scale) for x, halves in zip(features, maps, strict=True)]
    if None not in places and all(fits(x, y.places) for x, y in zip(features, places, strict=True)):
        return _difference_and_sum(features, places, dtype)
    second, first = (_sampled(features.pop(), places.pop()) for _ in range(2))
    return tuple(x.to(dtype, memory_format=torch.channels_last_3d) for x in (first - second, first + second))


def _places(features: Tensor, half_map: Tensor | None, affine: Tensor | None, scale: int) -> _Places | None:
    """Of one half map, a displacement on the full grid, and what is around it; None where nothing has moved."""
    if half_map is None and affine is None:
        return None
    if scale == 1 and affine is None:
        return _Places(half_map, relative=True)
    shift = (scale - 1) / 2
    positions = scale * identity(tuple(features.shape[2:]), features) + shift
    if half_map is not None:
        positions = positions + sample(half_map, positions)
    if affine is not None:
        positions = transform(affine, positions)
    return _Places((positions - shift) / scale, relative=False)


def _sampled(features: Tensor, found: _Places | None) -> Tensor:
    if found is None:
        return features
    return warp(features, found.places) if found.relative else sample(features, found.places)


def _difference_and_sum(features: list[Tensor], places: list[_Places], dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """The same without gradients; all features of a voxel stay neighbours in memory."""
    count, channels, *shape = features[0].shape
    rows = [x.movedim(1, -1).reshape(count, -1, channels) for x in features]
    lines = [x.places.expand(count, -1, -1, -1, -1).reshape(count, 3, -1, shape[2]) for x in places]
    features.clear()
    difference, total = (torch.empty_like(rows[0], dtype=dtype) for _ in range(2))

    def one(item: tuple[int, slice]) -> None:
        n, part = item
        first, second = (
            _fetched(x[n], shape, _positions(y[n, :, part], part, shape, z.relative))
            for x, y, z in zip(rows, lines, places, strict=True)
        )
        numbers = slice(part.start * shape[2], part.stop * shape[2])
        total[n, numbers] = first + second
        difference[n, numbers] = first.sub_(second)

    size, every = max(_POINTS // shape[2], 1), shape[0] * shape[1]
    parts = [slice(start, min(start + size, every)) for start in range(0, every, size)]
    in_parallel(one, [(n, part) for n in range(count) for part in parts])
    return tuple(x.unflatten(1, shape).movedim(-1, 1) for x in (difference, total))


def _positions(places: Tensor, part: slice, shape: list[int], relative: bool) -> list[Tensor]:
    """Voxel positions along the axes, each (points,), of a part of the lines (3, lines, k) of a grid."""
    if not relative:
        return list(places.flatten(1))
    line = torch.arange(part.start, part.stop)
    own = (line // shape[1])[:, None], (line % shape[1])[:, None], torch.arange(shape[2])
    return [(place + index).flatten() for place, index in zip(places, own, strict=True)]


def _fetched(rows: Tensor, shape: list[int], positions: list[Tensor]) -> Tensor:
    """Trilinear interpolation, edges held: (points, F) of a grid's rows (i * j * k, F), at positions (points,)."""
    corner, shares = torch.zeros((), dtype=torch.int32), []
    for size, position in zip(shape, positions, strict=True):
        position = position.clamp(0, size - 1)
        # The last voxel is reached from the one before, with its full weight.
        lower = position.floor().clamp_(max=size - 2)
        shares.append((lower - position + 1, position.sub_(lower)))
        corner = corner * size + lower.int()
    steps = [(shape[1] * a + b) * shape[2] + c for a in (0, 1) for b in (0, 1) for c in (0, 1)]
    indices = corner[:, None] + torch.tensor(steps, dtype=torch.int32)
    weights = rows.new_empty(len(corner), 8)
    for number, column in enumerate(weights.unbind(dim=1)):
        a, b, c = number // 4, number // 2 % 2, number % 2
        torch.mul(shares[0][a] * shares[1][b], shares[2][c], out=column)
    return F.embedding_bag(indices, rows, per_sample_weights=weights, mode="sum")
