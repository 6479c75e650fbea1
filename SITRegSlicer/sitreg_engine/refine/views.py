"""Two images as seen from the half-way space."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from sitreg_engine.lattices import Box
from sitreg_engine.mappings import warp
from sitreg_engine.models.halfway import HalfWay

from .local_ncc import Windows


@dataclass(frozen=True)
class Views:
    """The two images on one grid; all (1, 1, I, J, K)."""

    moving: Tensor  # normalised intensity, continued beyond the field of view
    fixed: Tensor
    moving_seen: Tensor  # 0..1: inside the field of view
    fixed_seen: Tensor
    moving_mask: Tensor | None  # 0..1: where the user wants agreement
    fixed_mask: Tensor | None

    @property
    def shown(self) -> tuple[Tensor, Tensor]:
        """(moving, fixed) as networks see them: 0 where they show nothing."""
        return self.moving * self.moving_seen, self.fixed * self.fixed_seen

    @property
    def shape(self) -> tuple[int, int, int]:
        return tuple(self.moving.shape[2:])

    def pooled(self, factor: int) -> "Views":
        """Every image averaged over cubes of `factor` voxels."""
        if factor == 1:
            return self
        tensors = vars(self).values()
        return Views(*(None if tensor is None else F.avg_pool3d(tensor, factor) for tensor in tensors))

    def within(self, box: Box) -> "Views":
        """What lies in a box of the grid."""
        return Views(*(None if tensor is None else tensor[:, :, *box] for tensor in vars(self).values()))

    def through(self, maps: HalfWay) -> "Views":
        """The images as the half-way maps (on the views' grid) bring them together."""
        moving = _warped((self.moving, self.moving_seen, self.moving_mask), maps.left)
        fixed = _warped((self.fixed, self.fixed_seen, self.fixed_mask), maps.right)
        return Views(*(image for pair in zip(moving, fixed, strict=True) for image in pair))

    def windows(self, size: int) -> Windows:
        """Where the images shall agree: in what lies in either mask, or everywhere without masks."""
        seen = self.moving_seen * self.fixed_seen
        return Windows.of(seen, in_either(self.moving_mask, self.fixed_mask, seen), size)


def _warped(images: tuple[Tensor | None, ...], u: Tensor) -> list[Tensor | None]:
    """Images (1, 1, I, J, K) at x + u(x), in one look at u."""
    found = iter(warp(torch.cat([image for image in images if image is not None], dim=1), u).split(1, dim=1))
    return [None if image is None else next(found) for image in images]


def in_either(one: Tensor | None, other: Tensor | None, like: Tensor) -> Tensor:
    """Where two masks (0..1, of the shape of `like`) together want agreement: everywhere without any."""
    masks = [mask for mask in (one, other) if mask is not None]
    return torch.stack(masks).amax(dim=0) if masks else torch.ones_like(like)
