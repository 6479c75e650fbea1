"""SITReg as a user's choice: the network where there are weights, else the optimisation alone."""

from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from sitreg_engine.mappings import identity, sample
from sitreg_engine.models.cards import WEIGHTS
from sitreg_engine.models.halfway import HalfWay
from sitreg_engine.models.network_model import NetworkModel
from sitreg_engine.models.protocol import ModelInfo
from sitreg_engine.models.weights_file import weights_hash

from .affine_head import HalfAffines, transform
from .checkpoint import load_checkpoint
from .network import PyramidRegistration, SITReg


@dataclass(frozen=True)
class SITRegModel(NetworkModel):
    id = "sitreg"
    title = "SITReg"
    kind = SITReg

    works_without_weights = True

    @classmethod
    def load(cls, weights: str, groups: int) -> "SITRegModel":
        """A checkpoint in the published format or ours; without one there is no prediction to start from."""
        path = Path(weights)
        if not weights or path.suffix == Path(WEIGHTS).suffix:
            return super().load(weights, 0)
        network = load_checkpoint(path, groups or None)[0]
        return cls(ModelInfo(cls.id, cls.title, weights, weights_hash(path)), network)

    def _maps(self, found: PyramidRegistration) -> HalfWay:
        """With the affine stage, where the network has one, in the maps."""
        return found.halfway if found.affines is None else _with_affines(found.halfway, found.affines)


def _with_affines(maps: HalfWay, affines: HalfAffines) -> HalfWay:
    """The half-way maps with the affine halves in them, as displacements."""
    grid = identity(tuple(maps.left.shape[2:]), maps.left)

    def outward(u: Tensor, affine: Tensor) -> Tensor:
        return transform(affine, grid + u) - grid

    def inward(u: Tensor, affine: Tensor) -> Tensor:
        points = transform(affine, grid)
        return points + sample(u, points) - grid

    # The two affine halves are each other's inverse.
    return HalfWay(
        outward(maps.left, affines.left),
        outward(maps.right, affines.right),
        inward(maps.left_inverse, affines.right),
        inward(maps.right_inverse, affines.left),
    )
