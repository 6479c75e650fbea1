"""The latent code of a pair: one global vector, and a coarse volume of features that is interpolated at each point.

Points are in normalised coordinates: (P, D) with component c along array axis c, -1 and 1 at the centres of the first
and the last voxel. D = 3 everywhere but in tests: nothing here depends on it.
"""

from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor


@dataclass(frozen=True)
class Latents:
    """What the encoder says, or the optimisation finds, about one pair."""

    overall: Tensor  # (G,) the global code
    local: Tensor  # (C, ...D axes) the local codes

    def at(self, points: Tensor) -> Tensor:
        """The local codes at points (P, D) -> (P, C); edges held. Differentiable to any order."""
        return interpolated(self.local, points)

    def finer(self, shape: tuple[int, ...]) -> "Latents":
        """The same function of points, with about as many local codes as `shape`, never fewer than now: room to move.

        Each cell is cut into equal parts along each axis.
        """
        own = self.local.shape[1:]
        parts = [max(round((n - 1) / max(old - 1, 1)), 1) for n, old in zip(shape, own, strict=True)]
        ends = [torch.linspace(-1, 1, part * (old - 1) + 1) if old > 1 else torch.zeros(1)
                for part, old in zip(parts, own, strict=True)]  # fmt: skip
        points = torch.cartesian_prod(*ends).to(self.local)
        return Latents(self.overall, self.at(points).T.reshape(-1, *(len(end) for end in ends)))

    def on(self, device: torch.device) -> "Latents":
        return Latents(self.overall.to(device), self.local.to(device))


def random_latents(overall: int, local: int, shape: tuple[int, ...], generator: torch.Generator) -> Latents:
    """Codes from N(0, 1 / channels), as the optimisation-only mode begins."""
    normal = (torch.randn(overall, generator=generator), torch.randn(local, *shape, generator=generator))
    return Latents(normal[0] / overall**0.5, normal[1] / local**0.5)


def interpolated(volume: Tensor, points: Tensor) -> Tensor:
    """Values of `volume` (C, ...D axes) at points (P, D) in normalised coordinates -> (P, C); edges held.

    Weighted sums of gathered rows: unlike torch's own sampler of volumes, this has derivatives of any order on every
    device, by the volume and by the points. Where an edge is held, the derivative by the point is zero.
    """
    low, share = _cells(points, tuple(volume.shape[1:]))
    rows = volume.flatten(1).T.contiguous()  # (voxels, C)
    total = None
    for corner in product((0, 1), repeat=points.shape[1]):
        weight, index = None, 0
        for axis, side in enumerate(corner):
            part = share[:, axis] if side else 1 - share[:, axis]
            weight = part if weight is None else weight * part
            index = index * volume.shape[axis + 1] + low[:, axis].add(side).clamp_max(volume.shape[axis + 1] - 1)
        found = rows.index_select(0, index) * weight[:, None]
        total = found if total is None else total + found
    return total


def _cells(points: Tensor, shape: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """(lower voxel of each point's cell, int64; where in that cell it lies, 0..1), both (P, D)."""
    last = torch.tensor([n - 1 for n in shape], dtype=points.dtype, device=points.device)
    places = torch.minimum((points.clamp(-1, 1) + 1) / 2 * last, last)
    # The last voxel belongs to the cell before it.
    low = torch.minimum(places.detach().floor(), (last - 1).clamp_min(0))
    return low.long(), places - low
