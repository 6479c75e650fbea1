"""Two sampled fields that undo each other better, as whoever reads the files will interpolate them.

Between two samples a field is linear, the inverse of the other one is not: fields whose samples are exact still fail
to undo each other, by what their curvature is worth. Both are moved towards what the other one says, at the same time
and by the same rule: with e(x) = G(F(x)) - x, the better F is between F(x) and F(x - e(x)), the two of which agree
where e is nothing. That takes curvature from where the two fields disagree, and hardly any from elsewhere.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from .fields import DisplacementField
from .lattices import Box, box_around, cut_out, in_slabs, lattice, turned
from .mappings import sample
from .refine.topology import calmed

SHARE = 0.5  # of the way from F(x) to F(x - e(x)); the other field goes as far: beyond 0.7 they overshoot and fold
_REACH = 8  # voxels: more than around a place that is smoothed


def balanced(
    forward: DisplacementField,
    inverse: DisplacementField,
    boxes: tuple[Box, Box],
    rounds: int,
    check: Callable[[], None] = lambda: None,
) -> tuple[DisplacementField, DisplacementField]:
    """(forward, inverse) after so many rounds, changed inside one box each, in voxels of their own grids.

    Swapping the two, and the boxes, swaps the result. Where a point leaves the other field, nothing changes.
    `check` is called now and then, and may raise to stop.
    """
    for _ in range(rounds):
        forward, inverse = _nearer(forward, inverse, boxes[0], check), _nearer(inverse, forward, boxes[1], check)
    return forward, inverse


def _nearer(
    field: DisplacementField, other: DisplacementField, box: Box, check: Callable[[], None]
) -> DisplacementField:
    part, inside_box = cut_out(field.grid, box), (slice(None), *box)
    whole, result = torch.from_numpy(field.vectors), torch.from_numpy(field.vectors.copy())
    own, changed = whole[inside_box], result[inside_box]
    first = np.eye(4)
    first[:3, 3] = [range(n)[axis].start for n, axis in zip(field.grid.shape, box, strict=True)]

    def fill(rows: slice) -> None:
        places = lattice(first, part.shape, rows)
        error = _error(own[:, rows], places, field, other)
        there = sample(whole[None], places.sub_(turned(field.grid.world_to_voxel, error))[None])[0].sub_(error)
        changed[:, rows] = torch.lerp(own[:, rows], there, SHARE)

    in_slabs(fill, part.shape, check)
    return DisplacementField(result.numpy(), field.grid)


def _error(own: Tensor, places: Tensor, field: DisplacementField, other: DisplacementField) -> Tensor:
    """e(x) = G(F(x)) - x, (3, P, Q, R) mm, at voxels `places` of which `own` are the vectors F(x) - x.

    Nothing where F(x) lies outside G, and is not known.
    """
    to_other = other.grid.world_to_voxel
    step = to_other @ field.grid.voxel_to_world
    landing = turned(step, places).add_(turned(to_other, own))
    landing += torch.from_numpy(np.float32(step[:3, 3]))[:, None, None, None]
    known = torch.ones(landing.shape[1:], dtype=torch.bool)
    for axis, size in enumerate(other.grid.shape):
        known &= (landing[axis] >= 0) & (landing[axis] <= size - 1)
    return sample(torch.from_numpy(other.vectors)[None], landing[None])[0].add_(own).mul_(known)


def smoothed_around(field: DisplacementField, where: np.ndarray) -> DisplacementField:
    """`field`, a local average of itself around the voxels `where` (I, J, K) bool, fading over a few voxels."""
    if not where.any():
        return field
    box = box_around(where, _REACH)
    vectors, part = field.vectors.copy(), (slice(None), *box)
    calm = calmed(torch.from_numpy(field.vectors[part])[None], torch.from_numpy(where[box])[None, None])
    vectors[part] = calm[0].numpy()
    return DisplacementField(vectors, field.grid)
