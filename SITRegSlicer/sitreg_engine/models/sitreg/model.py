"""SITReg as a user's choice: the network where there are weights, else the optimisation alone."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from sitreg_engine.mappings import identity, sample
from sitreg_engine.models.cards import WEIGHTS
from sitreg_engine.models.halfway import HalfWay
from sitreg_engine.models.network_model import NetworkModel
from sitreg_engine.models.protocol import ModelInfo
from sitreg_engine.models.weights_file import load_network, weights_hash
from sitreg_engine.precision import convolution_dtype

from .affine_head import HalfAffines, transform
from .checkpoint import load_checkpoint
from .network import SITReg


@dataclass(frozen=True)
class SITRegModel(NetworkModel):
    id = "sitreg"
    title = "SITReg"
    kind = SITReg

    @classmethod
    def load(cls, weights: str, groups: int) -> "SITRegModel":
        """A checkpoint in the published format or ours; without one there is no prediction to start from."""
        if not weights:
            return cls(ModelInfo(cls.id, cls.title, "", ""), None)
        path = Path(weights)
        is_ours = path.suffix == Path(WEIGHTS).suffix
        network = load_network(SITReg, path) if is_ours else load_checkpoint(path, groups or None)[0]
        return cls(ModelInfo(cls.id, cls.title, weights, weights_hash(path)), network)

    def precision(self, device: torch.device) -> str:
        """Convolutions are computed in the format that is fastest on the device, all else in float32."""
        reduced = self.network is not None and convolution_dtype(device) == torch.bfloat16
        return "float32, convolutions in bfloat16" if reduced else "float32"

    @torch.inference_mode()
    def predict(self, moving: Tensor, fixed: Tensor, device: torch.device) -> HalfWay | None:
        """The network's half-way maps, its affine stage included; None without a network."""
        if self.network is None:
            return None
        found = self._on(device)(moving.to(device), fixed.to(device))
        return found.halfway if found.affines is None else _with_affines(found.halfway, found.affines)

    def _moved(self, network: nn.Module, device: torch.device) -> nn.Module:
        return network.compute_blocks_in(convolution_dtype(device))


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
