"""A group and the registrations of its images: what every loss looks at. Shared warps are computed once."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from sitreg_engine.dilation import MASK_MARGIN, dilated
from sitreg_engine.mappings import warp
from sitreg_engine.models.halfway import Registration
from sitreg_engine.refine.views import in_either

from .views import Group, View


@dataclass(frozen=True)
class Compared:
    """Two images in one space; all (1, 1, I, J, K)."""

    a: Tensor
    b: Tensor
    seen: Tensor  # what both show
    wanted: Tensor  # 0..1: in either mask and a little around it, as in a registration; 1 everywhere without masks


@dataclass(frozen=True)
class Brought:
    """A view and the displacement (1, 3, I, J, K), in voxels, that brings it to where it is compared; None = none."""

    view: View
    u: Tensor | None


@dataclass(frozen=True)
class Pairing:
    """A registered pair out of a group: view_1 at x + f12(x) resembles view_2."""

    first: int  # numbers of the views in the group
    second: int
    view_1: View
    view_2: View
    registration: Registration

    def meetings(self, space: str) -> tuple[tuple[Brought, Brought], ...]:
        """Where the two are to agree: in both "images", in the second alone ("fixed"), or "halfway" between them."""
        found = self.registration
        if space == "halfway":
            return ((Brought(self.view_1, found.halfway.left), Brought(self.view_2, found.halfway.right)),)
        in_fixed = (Brought(self.view_1, found.f12), Brought(self.view_2, None))
        if space == "fixed":
            return (in_fixed,)
        return (in_fixed, (Brought(self.view_2, found.f21), Brought(self.view_1, None)))

    def compared(self, space: str) -> tuple[Compared, ...]:
        """The images at their meetings."""
        if space == "halfway":
            return self._half_way
        return self._in_fixed if space == "fixed" else (*self._in_fixed, self._in_moving)

    @cached_property
    def _in_fixed(self) -> tuple[Compared, ...]:
        return tuple(_compared(*meeting) for meeting in self.meetings("fixed"))

    @cached_property
    def _in_moving(self) -> Compared:
        return _compared(*self.meetings("images")[1])

    @cached_property
    def _half_way(self) -> tuple[Compared, ...]:
        return tuple(_compared(*meeting) for meeting in self.meetings("halfway"))

    @property
    def fields(self) -> tuple[Tensor, Tensor]:
        """Both displacements, (1, 3, I, J, K) in voxels."""
        return self.registration.f12, self.registration.f21


@dataclass(frozen=True)
class Scored:
    group: Group
    pairings: Sequence[Pairing]
    seed: tuple[int, ...] = (0,)  # for losses that draw at random


def _compared(a: Brought, b: Brought) -> Compared:
    (image_a, seen_a), (image_b, seen_b) = _warped(a), _warped(b)
    seen = seen_a * seen_b
    return Compared(image_a, image_b, seen, in_either(_warped_mask(a), _warped_mask(b), seen))


def _warped_mask(brought: Brought) -> Tensor | None:
    if brought.view.mask is None:
        return None
    mask = dilated(brought.view.mask, MASK_MARGIN)
    return mask if brought.u is None else warp(mask, brought.u.detach())


def _warped(brought: Brought) -> tuple[Tensor, Tensor]:
    """The image to compare at x + u(x), and 1 where that is inside its field of view."""
    view = brought.view
    if brought.u is None:
        return view.target, view.seen
    both = warp(torch.cat([view.target, view.seen], dim=1), brought.u)
    return both[:, :1], both[:, 1:].detach()
