"""NePhi after a frozen coarse aligner: any model registers the small pair, NePhi what is left at full size.

With P the aligner's map and N the one that NePhi finds for the moving image as P brings it, the whole is P o N, and its
approximate inverse N_inv o P_inv.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from sitreg_engine.effort import Effort
from sitreg_engine.mappings import compose, warp
from sitreg_engine.models.cards import Card
from sitreg_engine.models.halfway import HalfWay
from sitreg_engine.models.protocol import Model, ModelInfo
from sitreg_engine.models.sitreg.splines import upsample
from sitreg_engine.prepare import Pair

from .model import NePhiModel, as_it_is, with_residual

_COARSE_SHARE = 0.4  # of the time


@dataclass(frozen=True)
class MultiResolutionNePhi:
    """A Model (protocol.py): `aligner` on images `factor` times as small along each axis, then `fine`."""

    aligner: Model
    fine: NePhiModel
    factor: int = 4

    title = "NePhi, coarse to fine"
    fits_itself = True

    @property
    def info(self) -> ModelInfo:
        return replace(self.fine.info, title=self.title)

    @classmethod
    def load(cls, weights: str, groups: int) -> "MultiResolutionNePhi":
        """NePhi itself, optimised on the small pair, is the aligner; weights are those of the fine one, if given."""
        return cls(NePhiModel.load("", 0), NePhiModel.load(weights, groups))

    @classmethod
    def from_card(cls, card: Card, folder: Path) -> "MultiResolutionNePhi":
        return cls(NePhiModel.load("", 0), NePhiModel.from_card(card, folder))

    def precision(self, device: torch.device) -> str:
        return self.fine.precision(device)

    @torch.inference_mode()
    def predict(self, moving: Tensor, fixed: Tensor, device: torch.device) -> HalfWay | None:
        """Both predictions, one after the other; that of the fine model alone where the aligner has none."""
        moving, fixed = moving.to(device), fixed.to(device)
        coarse = self.aligner.predict(*(F.avg_pool3d(image, self.factor) for image in (moving, fixed)), device)
        if coarse is None:
            return self.fine.predict(moving, fixed, device)
        first = enlarged(coarse, self.factor, tuple(fixed.shape[2:]))
        second = self.fine.predict(warp(moving, first.forward()), fixed, device)
        return None if second is None else joined(first, second)

    def optimise(
        self,
        pair: Pair,
        predicted: HalfWay | None,
        effort: Effort,
        device: torch.device,
        step: Callable[[float, str], None],
    ) -> HalfWay | None:
        """Both maps joined; where the aligner has nothing to predict, it is optimised on the small pair."""
        if effort.is_none:
            return as_it_is(predicted, pair)
        coarse = self._aligned(pooled(pair, self.factor), effort, device, lambda f, t: step(_COARSE_SHARE * f, t))
        with torch.inference_mode():
            first = enlarged(coarse, self.factor, pair.grid.shape)
        left = brought(pair, first, device)
        rest = effort.part(1 - _COARSE_SHARE)
        second = self.fine.optimise(
            left, None, rest, device, lambda f, t: step(_COARSE_SHARE + (1 - _COARSE_SHARE) * f, t)
        )
        with torch.inference_mode():
            return with_residual(joined(first, second), pair)

    def _aligned(self, pair: Pair, effort: Effort, device: torch.device, step: Callable[[float, str], None]) -> HalfWay:
        found = self.aligner.predict(*pair.shown, device)
        if found is not None:
            return found
        share = effort.part(_COARSE_SHARE)
        found = self.aligner.optimise(pair, None, share, device, step)
        if found is not None:
            return found
        from sitreg_engine.refine import make_schedule, refine_pair  # here: it builds on the models, as this one does

        return refine_pair(pair, None, make_schedule(pair.grid.shape, share), device, step)


def enlarged(maps: HalfWay, factor: int, shape: tuple[int, int, int]) -> HalfWay:
    """Maps of the small pair on the whole one's grid; a spline leaves no creases between the coarse voxels."""
    return maps.each(lambda u: upsample(u, factor, shape))


def joined(first: HalfWay, second: HalfWay) -> HalfWay:
    """first o second, and back; the right half stays where it is."""
    still = torch.zeros_like(second.left)
    return HalfWay(compose(first.forward(), second.forward()), still, compose(second.inverse(), first.inverse()), still)


def brought(pair: Pair, maps: HalfWay, device: torch.device) -> Pair:
    """The pair with everything moving as the maps bring it to the fixed image."""
    with torch.no_grad():
        way = maps.forward().clone()  # a tensor of inference knows no gradients
        moved = {
            name: value if value is None else warp(value.to(device), way)
            for name in ("moving", "moving_mask", "moving_inside")
            for value in [getattr(pair, name)]
        }
    return replace(pair, **moved)


def pooled(pair: Pair, factor: int) -> Pair:
    """The pair on a grid whose voxels are means over cubes of `factor` voxels."""
    names = ("moving", "fixed", "moving_mask", "fixed_mask", "moving_inside", "fixed_inside")
    values = {name: getattr(pair, name) for name in names}
    small = {name: value if value is None else F.avg_pool3d(value, factor) for name, value in values.items()}
    centre = pair.grid.voxel_to_world @ [*[(factor - 1) / 2] * 3, 1]
    grid = replace(
        pair.grid,
        shape=tuple(small["fixed"].shape[2:]),
        spacing=tuple(factor * s for s in pair.grid.spacing),
        origin=tuple(map(float, centre[:3])),
    )
    return replace(pair, **small, grid=grid)
