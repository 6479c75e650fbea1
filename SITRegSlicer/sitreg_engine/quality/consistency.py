"""How well one transform undoes the other: |inverse(forward(x)) - x| in mm, as ITK would evaluate the two files."""

from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite, nan

import numpy as np
import torch

from sitreg_engine.contract import Measure
from sitreg_engine.fields import DisplacementField
from sitreg_engine.geometry import Grid
from sitreg_engine.images import Volume
from sitreg_engine.lattices import axes_along, box_around, cut_out, in_slabs, lattice, turned, with_axes
from sitreg_engine.mappings import sample

from .sampling import displacements, inside, mask_on, with_field_axes

MOST_MEAN_ERROR = 0.5  # voxels of the working grid; beyond it a person is told
LEAST_LEFT_OUT = 0.01  # of the voxels, to be worth a word
_MOST_POINTS = 4_000_000  # beyond it every second, third, ... voxel along each axis is looked at


@dataclass(frozen=True)
class ConsistencyErrors:
    """Errors at voxel centres whose image under the first map falls inside the box of the second."""

    millimetres: np.ndarray  # (N,) float32; empty when no point qualifies
    stride: int  # every stride-th voxel along each axis was looked at
    left_out: int  # points looked at whose image falls outside one of the two boxes

    @property
    def left_out_share(self) -> float:
        """0..1, of the points looked at."""
        return self.left_out / max(self.left_out + self.millimetres.size, 1)


def inverse_consistency(
    there: DisplacementField,
    back: DisplacementField,
    onto: Grid,
    mask: Volume | None = None,
    most: int = _MOST_POINTS,
    check: Callable[[], None] = lambda: None,
) -> ConsistencyErrors:
    """|back(there(x)) - x| for voxel centres x of `onto`, all or inside a mask, mm; both fields trilinear.

    At most about `most` voxels are looked at, on a regular sub-lattice when there are more. NaN in a field gives NaN.
    `check` is called now and then, and may raise to stop.
    """
    chosen = None if mask is None else mask_on(mask, onto)
    count = np.prod(onto.shape) if chosen is None else np.count_nonzero(chosen)
    stride = int(np.ceil((count / most) ** (1 / 3))) or 1
    points, chosen = _sub_lattice(onto, chosen, stride)
    errors = np.empty(points.shape, np.float32)
    counted = np.ones(points.shape, bool) if chosen is None else chosen.copy()
    order = axes_along(points, back.grid.world_to_voxel)
    walk, all_errors, all_counted = with_axes(points, order), errors.transpose(order), counted.transpose(order)
    first = with_field_axes(there, order, walk)

    def fill(rows: slice) -> None:
        box = box_around(all_counted[rows])
        part = (slice(rows.start + box[0].start, rows.start + box[0].stop), *box[1:])
        all_errors[part], covered = _errors_at(cut_out(walk, part), first, back)
        all_counted[part] &= covered

    in_slabs(fill, walk.shape, check)
    looked_at = errors.size if chosen is None else np.count_nonzero(chosen)
    return ConsistencyErrors(errors[counted], stride, int(looked_at - np.count_nonzero(counted)))


def _sub_lattice(grid: Grid, chosen: np.ndarray | None, stride: int) -> tuple[Grid, np.ndarray | None]:
    """Every stride-th voxel of a grid, as far as any of them is chosen, and which of them are."""
    every = (slice(None, None, stride),) * 3
    points = cut_out(grid, every)
    if chosen is None:
        return points, None
    chosen = chosen[every]
    box = box_around(chosen)
    return cut_out(points, box), chosen[box]


def _errors_at(points: Grid, there: DisplacementField, back: DisplacementField) -> tuple[np.ndarray, np.ndarray]:
    """|back(there(x)) - x| in mm at voxel centres x, and which of these both boxes cover.

    A point that is NaN counts as covered: its error shall be seen, not left out.
    """
    rows = slice(0, points.shape[0])
    places = (lattice(f.grid.world_to_voxel @ points.voxel_to_world, points.shape, rows) for f in (there, back))
    covered = inside(next(places), there.grid.shape)
    first = displacements(there, points, rows)
    landing = next(places).add_(turned(back.grid.world_to_voxel, first))
    covered &= inside(landing, back.grid.shape) | landing.isnan().any(dim=0)
    x, y, z = sample(torch.from_numpy(back.vectors)[None], landing[None])[0].add_(first)
    return x.square().addcmul_(y, y).addcmul_(z, z).sqrt_().numpy(), covered.numpy()


def consistency_measures(
    forward: DisplacementField,
    inverse: DisplacementField,
    fixed: Grid,
    moving: Grid,
    fixed_mask: Volume | None = None,
    moving_mask: Volume | None = None,
    check: Callable[[], None] = lambda: None,
) -> list[Measure]:
    """Mean, 95 % and largest inverse consistency error both ways, over the whole images and inside masks, mm.

    `check` is called now and then, and may raise to stop.
    """
    ways = (("forward", forward, inverse, fixed, fixed_mask), ("inverse", inverse, forward, moving, moving_mask))
    result = []
    for name, there, back, onto, _ in ways:
        result += _measures_of(inverse_consistency(there, back, onto, check=check), name, "")
    for name, there, back, onto, mask in ways:
        if mask is not None:
            result += _measures_of(inverse_consistency(there, back, onto, mask, check=check), name, "_in_mask")
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
    covered = _coverage(errors, other)
    return f"inverse consistency error, {direction} then {other} transform, {place}{voxels}{covered}"


def _coverage(errors: ConsistencyErrors, other: str) -> str:
    if not errors.millimetres.size:
        return "; no voxel is covered by both transforms"
    if errors.left_out_share < LEAST_LEFT_OUT:
        return ""
    return f", without {errors.left_out_share:.0%} of it, from where the {other} transform is not reached"


def consistency_doubts(measures: list[Measure], spacing: float) -> list[str]:
    """What people should be told when the transforms undo each other badly, with voxels of `spacing` mm.

    Methods whose inverse is approximate by design may leave that much; inside a mask, where there is one.
    """
    values = {m.name: m.value for m in measures}
    worst = max(_mean_of(values, name) for name in ("forward", "inverse"))
    if not worst > MOST_MEAN_ERROR * spacing:
        return []
    return [
        f"The two transforms undo each other only to {worst:.1f} mm on average: "
        "do not carry points there and back with them."
    ]


def _mean_of(values: dict[str, float], direction: str) -> float:
    """Inside the mask, where that holds any voxel, else of the whole image, mm; 0 where nothing could be measured."""
    names = (f"{direction}_consistency_mean{suffix}" for suffix in ("_in_mask", ""))
    return next((values[name] for name in names if isfinite(values.get(name, nan))), 0.0)
