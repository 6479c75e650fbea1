"""SITReg's inversion: what it keeps for the backward pass, and how many evaluations it takes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from speed_training import Saved
from torch import Tensor

from sitreg_engine.mappings import identity, normalised
from sitreg_engine.models.ddrnet.exponential import exponential
from sitreg_engine.models.sitreg.inversion import invert, solve_inverse
from sitreg_engine.models.sitreg.network import SITReg
from sitreg_engine.models.sitreg.splines import upsample
from sitreg_engine.training.views import Group

SQUARINGS = 7
_SIDE = 32  # voxels


@dataclass(frozen=True)
class SavedFields:
    """What autograd keeps, in fields of three channels, beyond the field that the layer was given."""

    inversion: float
    squaring: float  # of 7 steps, with torch's own sampler, as others write it
    own_squaring: float  # with the engine's sampler, which keeps the least it can

    @classmethod
    def read(cls, found: dict) -> "SavedFields":
        return cls(**found)


@dataclass(frozen=True)
class Evaluations:
    """How many fixed-point evaluations each inversion of an update took, over all levels, orders and pairs."""

    counts: tuple[int, ...]
    tolerance: float  # voxels

    @classmethod
    def read(cls, found: dict) -> "Evaluations":
        return cls(tuple(found["counts"]), found["tolerance"])


def saved_fields() -> SavedFields:
    """Of one inversion, and of scaling and squaring."""
    return SavedFields(fields_saved(invert), fields_saved(squared), fields_saved(lambda v: exponential(v, SQUARINGS)))


def fields_saved(layer: Callable[[Tensor], Tensor]) -> float:
    """Of a layer from a smooth field (1, 3, I, J, K) to another one; what it was given does not count."""
    waves = torch.sin(identity((_SIDE,) * 3, torch.empty(0)).flip(1) / 5)
    given = (0.8 * waves).requires_grad_()
    saved = Saved({given.untyped_storage().data_ptr()})
    with torch.autograd.graph.saved_tensors_hooks(saved.note, lambda tensor: tensor):
        layer(given)
    return saved.mebibytes * 2**20 / (given.numel() * given.element_size())


def squared(v: Tensor) -> Tensor:
    """exp(v) by scaling and squaring with torch's sampler; (1, 3, I, J, K), in voxels."""
    u, grid = v / 2**SQUARINGS, identity(tuple(v.shape[2:]), v)
    for _ in range(SQUARINGS):
        places = normalised(grid + u, v.shape[2:])
        u = u + F.grid_sample(u, places, padding_mode="border", align_corners=True)
    return u


@torch.inference_mode()
def evaluations(network: SITReg, pairs: Sequence[tuple[str, Group]]) -> Evaluations:
    """Of a trained network on pairs."""
    config, counts = network.config.inversion, []
    for _, group in pairs:
        first, second = group.views
        shape = tuple(first.image.shape[2:])
        for level in network(first.image, second.image, keep_levels=True).levels:
            for control in (level.control_12, level.control_21):
                counts.append(solve_inverse(upsample(control, level.scale, shape), config)[1])
    return Evaluations(tuple(counts), config.tolerance)
