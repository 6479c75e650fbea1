"""Where points are drawn: most of them where an image shows something."""

from dataclasses import dataclass

import torch
from torch import Tensor

from sitreg_engine.dilation import MASK_MARGIN, dilated
from sitreg_engine.prepare.normalise import AIR

from .maps import grid_points, in_units

SHOWN_SHARE = 0.9  # of the points lie where something is shown; the rest anywhere in the field of view
_REACH = 2  # voxels around what is shown: its edge tells where it is


@dataclass(frozen=True)
class Places:
    """Voxels of one image, as flat numbers (P,) int32: of a large image there are many."""

    shape: tuple[int, int, int]
    shown: Tensor
    seen: Tensor

    @classmethod
    def of(cls, image: Tensor, seen: Tensor, mask: Tensor | None) -> "Places":
        """image: normalised, its background near 0; seen: its field of view; mask: where agreement is wanted, if given.

        All (1, 1, I, J, K). With a mask, points lie in it and closely around it alone.
        """
        where = _widened(image > AIR, _REACH) if mask is None else _widened(mask > 0, MASK_MARGIN)
        view = _numbers(seen > 0.5)
        view = view if len(view) else torch.arange(seen.numel(), device=seen.device, dtype=torch.int32)
        shown = _numbers(where & (seen > 0.5))
        shown = shown if len(shown) else view
        return cls(tuple(image.shape[2:]), shown, view if mask is None else shown)

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        """Random points (count, 3) in normalised coordinates, anywhere in voxels that are drawn."""
        many = round(SHOWN_SHARE * count)
        index = torch.cat([_picked(self.shown, many, generator), _picked(self.seen, count - many, generator)])
        jitter = (torch.rand(count, 3, generator=generator) - 0.5).to(index.device)
        points = grid_points(index, self.shape, jitter) + in_units(jitter, self.shape)
        return points.clamp_(-1, 1)


def anywhere(shape: tuple[int, int, int], count: int, generator: torch.Generator, like: Tensor) -> Tensor:
    """Random points (count, 3) of the whole box of a grid, in normalised coordinates."""
    flat = torch.tensor([n == 1 for n in shape])
    return (2 * torch.rand(count, 3, generator=generator) - 1).masked_fill(flat, 0.0).to(like)


def _picked(index: Tensor, count: int, generator: torch.Generator) -> Tensor:
    return index[torch.randint(len(index), (count,), generator=generator).to(index.device)].long()


def _widened(where: Tensor, reach: int) -> Tensor:
    return dilated(where.float(), reach) > 0


def _numbers(where: Tensor) -> Tensor:
    return where.flatten().nonzero()[:, 0].int()
