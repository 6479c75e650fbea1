"""Two sampled fields that undo each other better, as whoever reads the files will interpolate them.

Between two samples a field is linear, the inverse of the other one is not: fields whose samples are exact still fail
to undo each other, by what their curvature is worth. Both are moved towards what the other one says, at the same time
and by the same rule: with e(x) = G(F(x)) - x, the better F is between F(x) and F(x - e(x)), the two of which agree
where e is nothing. That takes curvature from where the two fields disagree, and hardly any from elsewhere.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .fields import DisplacementField
from .lattices import Box, box_around, cut_out, in_slabs, lattice, turned
from .mappings import sample
from .refine.topology import spread

SHARE = 0.5  # of the way from F(x) to F(x - e(x)); the other field goes as far: beyond 0.7 they overshoot and fold
FAR_OFF = 0.05  # of a field's step: an error that is looked at again
_REACH = 3  # voxels around a place that is put back


@dataclass(frozen=True)
class Rounds:
    """The first ones bring most, the others mend the largest errors: more everywhere would blur what was found."""

    everywhere: int = 2
    far_off: int = 4


def balanced(
    forward: DisplacementField,
    inverse: DisplacementField,
    boxes: tuple[Box, Box],
    rounds: Rounds,
    check: Callable[[], None] = lambda: None,
) -> tuple[DisplacementField, DisplacementField]:
    """(forward, inverse) after so many rounds, changed inside one box each, in voxels of their own grids.

    Swapping the two, and the boxes, swaps the result. Where a point leaves the other field, nothing changes.
    `check` is called now and then, and may raise to stop.
    """
    sides, far_off = (_Side.of(forward), _Side.of(inverse)), [torch.empty(0, dtype=torch.int64)] * 2
    for _ in range(rounds.everywhere):
        found = [a.everywhere(b, box, check) for a, b, box in zip(sides, sides[::-1], boxes, strict=True)]
        sides, far_off = tuple(_Side(s.field, v) for s, (v, _) in zip(sides, found, strict=True)), [f for _, f in found]
    for _ in range(rounds.far_off):
        check()
        found = [a.at(index, b) for a, b, index in zip(sides, sides[::-1], far_off, strict=True)]
        for side, index, values in zip(sides, far_off, found, strict=True):
            side.vectors.view(3, -1)[:, index] = values
    return tuple(DisplacementField(side.vectors.numpy(), side.field.grid) for side in sides)


@dataclass(frozen=True)
class _Side:
    """One of the two fields on its way."""

    field: DisplacementField  # as it was given
    vectors: Tensor  # (3, I, J, K) mm, as they are now

    @classmethod
    def of(cls, field: DisplacementField) -> "_Side":
        return cls(field, torch.from_numpy(field.vectors))

    @property
    def far_off(self) -> float:
        """mm"""
        return FAR_OFF * self.field.grid.voxel_volume ** (1 / 3)

    def everywhere(self, other: "_Side", box: Box, check: Callable[[], None]) -> tuple[Tensor, Tensor]:
        """(better vectors, a copy; flat indices of the voxels that were far off), inside a box."""
        part, inside_box = cut_out(self.field.grid, box), (slice(None), *box)
        step = np.eye(4)
        step[:3, 3] = [range(n)[axis].start for n, axis in zip(self.field.grid.shape, box, strict=True)]
        result, own = self.vectors.clone(), self.vectors[inside_box]
        changed, far = result[inside_box], torch.zeros(self.field.grid.shape, dtype=torch.bool)

        def fill(rows: slice) -> None:
            better, error = self._better(own[:, rows], lattice(step, part.shape, rows), other)
            changed[:, rows] = torch.lerp(own[:, rows], better, SHARE)
            far[box][rows] = error > self.far_off

        in_slabs(fill, part.shape, check)
        return result, far.flatten().nonzero()[:, 0]

    def at(self, index: Tensor, other: "_Side") -> Tensor:
        """Better vectors (3, P) at flat indices; the further off, the more of the way is gone."""
        own = self.vectors.view(3, -1)[:, index]
        if not index.numel():
            return own
        places = torch.from_numpy(np.float32(np.unravel_index(index.numpy(), self.field.grid.shape)))
        better, error = (x.flatten(-3) for x in self._better(own[..., None, None], places[..., None, None], other))
        return torch.lerp(own, better, SHARE * ((error - self.far_off) / self.far_off).clamp(0, 1))

    def _better(self, own: Tensor, places: Tensor, other: "_Side") -> tuple[Tensor, Tensor]:
        """(F(x - e) - x in mm, |e| in mm) at voxels `places` (3, P, Q, R) of which `own` are the vectors F(x) - x."""
        to_voxel = self.field.grid.world_to_voxel
        error = self._error(own, places, other)
        better = sample(self.vectors[None], (places - turned(to_voxel, error))[None])[0].sub_(error)
        x, y, z = error
        return better, x.square().addcmul_(y, y).addcmul_(z, z).sqrt_()

    def _error(self, own: Tensor, places: Tensor, other: "_Side") -> Tensor:
        """e(x) = G(F(x)) - x, mm; nothing where F(x) lies outside G, and is not known."""
        grid, to_other = self.field.grid, other.field.grid.world_to_voxel
        step = to_other @ grid.voxel_to_world
        landing = turned(step, places).add_(turned(to_other, own))
        landing += torch.from_numpy(np.float32(step[:3, 3]))[:, None, None, None]
        known = torch.ones(landing.shape[1:], dtype=torch.bool)
        for axis, size in enumerate(other.field.grid.shape):
            known &= (landing[axis] >= 0) & (landing[axis] <= size - 1)
        return sample(other.vectors[None], landing[None])[0].add_(own).mul_(known)


def put_back(field: DisplacementField, before: DisplacementField, where: np.ndarray) -> DisplacementField:
    """`field`, but as it was `before` around the voxels `where` (I, J, K) bool, fading over a few voxels."""
    if not where.any():
        return field
    box = box_around(where, 2 * _REACH)
    weight = spread(torch.from_numpy(where[box]).float()[None, None], _REACH)[0, 0].numpy()
    vectors, part = field.vectors.copy(), (slice(None), *box)
    vectors[part] += weight * (before.vectors[part] - vectors[part])
    return DisplacementField(vectors, field.grid)
