"""SITReg as a user's choice: the network where there are weights, else the optimisation alone."""

import copy
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from sitreg_engine.errors import InputError
from sitreg_engine.mappings import identity, sample
from sitreg_engine.models.cards import WEIGHTS, Card
from sitreg_engine.models.protocol import ModelInfo
from sitreg_engine.precision import convolution_dtype

from .affine_head import HalfAffines, transform
from .architecture import load_network, table_of
from .checkpoint import load_checkpoint, weights_hash
from .halfway import HalfWay
from .network import SITReg


@dataclass(frozen=True)
class SITRegModel:
    info: ModelInfo
    network: SITReg | None
    _ready: dict[torch.device, SITReg] = field(default_factory=dict, init=False, repr=False, compare=False)

    @classmethod
    def load(cls, weights: str, groups: int) -> "SITRegModel":
        """A checkpoint in the published format or ours; without one there is no prediction to start from."""
        title = "SITReg"
        if not weights:
            return cls(ModelInfo("sitreg", title, "", ""), None)
        path = Path(weights)
        is_ours = path.suffix == Path(WEIGHTS).suffix
        network = load_network(path) if is_ours else load_checkpoint(path, groups or None)[0]
        return cls(ModelInfo("sitreg", title, weights, weights_hash(path)), network)

    @classmethod
    def from_card(cls, card: Card, folder: Path) -> "SITRegModel":
        """The model in a folder with a card. Raises InputError when its weights are not those of the card."""
        path = folder / WEIGHTS
        network = load_network(path)
        if (found := weights_hash(path)) != card.sha256 or table_of(network.config) != card.architecture:
            raise InputError(f"The weights in {path} are not those that their card describes: install the model anew.")
        return cls(ModelInfo(card.id, card.title, str(path), found, card), network)

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

    def _on(self, device: torch.device) -> SITReg:
        """The network as it is run on a device; kept for the next prediction there."""
        if device not in self._ready:
            self._ready[device] = copy.deepcopy(self.network).to(device).compute_blocks_in(convolution_dtype(device))
        return self._ready[device]


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
