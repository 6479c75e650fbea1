"""What models with a trained network have in common: weights from a file or a shelf, and the prediction."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Self

import torch
from torch import Tensor, nn

from sitreg_engine.effort import Effort
from sitreg_engine.errors import InputError
from sitreg_engine.precision import convolution_dtype
from sitreg_engine.prepare import Pair

from .cards import WEIGHTS, Card, read_card
from .halfway import HalfWay, Registration
from .protocol import ModelInfo
from .shelf import shelf_folder
from .weights_file import load_network, weights_hash


@dataclass(frozen=True)
class NetworkModel:
    """A Model (protocol.py). Its class says which network it has, and which model of the shelf stands for it."""

    info: ModelInfo
    network: nn.Module | None
    _ready: dict[torch.device, nn.Module] = field(default_factory=dict, init=False, repr=False, compare=False)

    id: ClassVar[str]
    title: ClassVar[str]
    kind: ClassVar[type[nn.Module]]  # a weights_file.Network
    default: ClassVar[str] = ""  # id of the card whose weights are taken when none are given
    works_without_weights: ClassVar[bool] = False  # there is nothing to predict then, and an optimisation does it all
    fits_itself: ClassVar[bool] = False
    reduces: ClassVar[bool] = True  # its convolutions may be computed in bfloat16: the network has compute_blocks_in

    @classmethod
    def load(cls, weights: str, groups: int) -> Self:
        """Weights in our form; without a file the default ones, or none where it works without.

        Raises InputError when they cannot be used, or there are none and it needs some.
        """
        if groups:
            raise InputError(f"The number of groups is a setting of SITReg checkpoints; {cls.title} has none.")
        if weights:
            path = Path(weights)
            network = load_network(cls.kind, path)
            return cls(ModelInfo(cls.id, cls.title, weights, weights_hash(path)), network)
        if cls.works_without_weights:
            return cls(ModelInfo(cls.id, cls.title, "", ""), None)
        folder = shelf_folder() / cls.default
        if not cls.default or not folder.is_dir():
            raise InputError(f"{cls.title} needs weights and none are installed: give a weights file, or train it.")
        return cls.from_card(read_card(folder), folder)

    @classmethod
    def from_card(cls, card: Card, folder: Path) -> Self:
        """The model in a folder with a card. Raises InputError when its weights are not those of the card."""
        path = folder / WEIGHTS
        network = load_network(cls.kind, path)
        if (found := weights_hash(path)) != card.sha256 or network.table() != card.architecture:
            raise InputError(f"The weights in {path} are not those that their card describes: install the model anew.")
        return cls(ModelInfo(card.id, card.title, str(path), found, card), network)

    def precision(self, device: torch.device) -> str:
        """The floating point format of a prediction on a device, for people."""
        reduced = self.network is not None and self.reduces and convolution_dtype(device) == torch.bfloat16
        return "float32, convolutions in bfloat16" if reduced else "float32"

    @torch.inference_mode()
    def predict(self, moving: Tensor, fixed: Tensor, device: torch.device) -> HalfWay | None:
        """The network's half-way maps; None without a network."""
        if self.network is None:
            return None
        return self._maps(self._on(device)(moving.to(device), fixed.to(device)))

    def optimise(
        self,
        pair: Pair,
        predicted: HalfWay | None,
        effort: Effort,
        device: torch.device,
        step: Callable[[float, str], None],
    ) -> HalfWay | None:
        """None: the common refinement is what it takes."""
        return None

    def _maps(self, found: Registration) -> HalfWay:
        """What `register` needs of what the network found."""
        return found.halfway

    def _on(self, device: torch.device) -> nn.Module:
        """The network in the form in which it is fastest on a device; kept for the next prediction there."""
        if device not in self._ready:
            network = copy.deepcopy(self.network).to(device)
            self._ready[device] = network.compute_blocks_in(convolution_dtype(device)) if self.reduces else network
        return self._ready[device]
