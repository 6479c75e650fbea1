"""How well one transform undoes the other: |inverse(forward(x)) - x| in mm, as ITK would evaluate the two files."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from sitreg_engine.contract import Measure
from sitreg_engine.fields import DisplacementField
from sitreg_engine.geometry import Grid, apply
from sitreg_engine.images import Volume
from sitreg_engine.mappings import sample

from .sampling import inside, mask_on

_MOST_POINTS = 4_000_000  # beyond it every second, third, ... voxel along each axis is looked at
_POINTS_AT_ONCE = 2**19


@dataclass(frozen=True)
class ConsistencyErrors:
    """Errors at voxel centres whose image under the first map falls inside the box of the second."""

    millimetres: np.ndarray  # (N,) float32; empty when no point qualifies
    stride: int  # every stride-th voxel along each axis was looked at
    left_out: int  # points looked at whose image falls outside one of the two boxes


def inverse_consistency(
    there: DisplacementField, back: DisplacementField, onto: Grid, mask: Volume | None = None, most: int = _MOST_POINTS
) -> ConsistencyErrors:
    """|back(there(x)) - x| for voxel centres x of `onto`, all or inside a mask, mm; both fields trilinear.

    At most about `most` voxels are looked at, on a regular sub-lattice when there are more. NaN in a field gives NaN.
    """
    chosen = np.ones(onto.shape, dtype=bool) if mask is None else mask_on(mask, onto)
    stride = int(np.ceil((np.count_nonzero(chosen) / most) ** (1 / 3))) or 1
    indices = np.argwhere(chosen[::stride, ::stride, ::stride]) * stride
    errors, left_out = [np.empty(0, np.float32)], 0
    for start in range(0, len(indices), _POINTS_AT_ONCE):
        points = apply(onto.voxel_to_world, indices[start : start + _POINTS_AT_ONCE])
        part = _errors_at(points, there, back)
        errors.append(part)
        left_out += len(points) - len(part)
    return ConsistencyErrors(np.concatenate(errors), stride, left_out)


def _errors_at(points: np.ndarray, there: DisplacementField, back: DisplacementField) -> np.ndarray:
    """|back(there(x)) - x| in mm at those of the world points (N, 3) that both boxes cover."""
    first, covered = _displacements_at(points, there)
    points, first = points[covered], first[covered]
    second, covered = _displacements_at(points + first, back)
    return np.linalg.norm(first[covered] + second[covered], axis=1).astype(np.float32)


def _displacements_at(points: np.ndarray, field: DisplacementField) -> tuple[np.ndarray, np.ndarray]:
    """The field's vectors (N, 3) in mm at world points, and which of the points its box covers.

    A point that is NaN counts as covered: its error shall be seen, not left out.
    """
    coordinates = torch.from_numpy(np.float32(apply(field.grid.world_to_voxel, points)).T)
    covered = inside(coordinates, field.grid.shape) | coordinates.isnan().any(dim=0)
    vectors = sample(torch.from_numpy(field.vectors)[None], _as_volume(coordinates))[0]
    return vectors.reshape(3, -1).T.numpy(), covered.numpy()


def _as_volume(coordinates: Tensor) -> Tensor:
    """(3, N) as (1, 3, N, 1, 1)."""
    return coordinates.contiguous()[None, :, :, None, None]


def consistency_measures(
    forward: DisplacementField,
    inverse: DisplacementField,
    fixed: Grid,
    moving: Grid,
    fixed_mask: Volume | None = None,
    moving_mask: Volume | None = None,
) -> list[Measure]:
    """Mean, 95 % and largest inverse consistency error both ways, over the whole images and inside masks, mm."""
    result = _measures_of(inverse_consistency(forward, inverse, fixed), "forward", "")
    result += _measures_of(inverse_consistency(inverse, forward, moving), "inverse", "")
    if fixed_mask is not None:
        result += _measures_of(inverse_consistency(forward, inverse, fixed, fixed_mask), "forward", "_in_mask")
    if moving_mask is not None:
        result += _measures_of(inverse_consistency(inverse, forward, moving, moving_mask), "inverse", "_in_mask")
    return result


def _measures_of(errors: ConsistencyErrors, direction: str, suffix: str) -> list[Measure]:
    values = errors.millimetres
    mean, high, most = (float("nan"),) * 3
    if values.size:
        mean, high, most = float(values.mean(dtype=np.float64)), float(np.percentile(values, 95)), float(values.max())
    name, text = f"{direction}_consistency", _description(errors, direction, suffix)
    return [
        Measure(f"{name}_mean{suffix}", f"Mean {text}", mean, "mm"),
        Measure(f"{name}_p95{suffix}", f"95th percentile of the {text}", high, "mm"),
        Measure(f"{name}_max{suffix}", f"Largest {text}", most, "mm"),
    ]


def _description(errors: ConsistencyErrors, direction: str, suffix: str) -> str:
    other = {"forward": "inverse", "inverse": "forward"}[direction]
    place = "inside the mask" if suffix else "in the whole image"
    voxels = "" if errors.stride == 1 else f", at every {errors.stride}. voxel along each axis"
    empty = "" if errors.millimetres.size else "; no voxel is covered by both transforms"
    return f"inverse consistency error, {direction} then {other} transform, {place}{voxels}{empty}"
