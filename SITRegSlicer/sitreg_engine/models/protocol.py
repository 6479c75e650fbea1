"""What every model offers to `register`."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol, Self

import torch
from torch import Tensor

from sitreg_engine.effort import Effort
from sitreg_engine.prepare import Pair

from .cards import Card
from .halfway import HalfWay


@dataclass(frozen=True)
class ModelInfo:
    """For people and for result.json."""

    id: str
    title: str
    weights: str  # file, empty when it runs without
    weights_sha256: str
    card: Card | None = None  # of a trained model; None: optimised on the pair, or weights that a person has given


class Model(Protocol):
    title: ClassVar[str]
    fits_itself: ClassVar[bool]  # `optimise` does what the common refinement does for others

    @property
    def info(self) -> ModelInfo: ...

    @classmethod
    def load(cls, weights: str, groups: int) -> Self:
        """With the weights of a file, or the model's default for ''. Raises InputError when they cannot be used."""
        ...

    def precision(self, device: torch.device) -> str:
        """The floating point format of a prediction on a device, for people."""
        ...

    @classmethod
    def from_card(cls, card: Card, folder: Path) -> Self:
        """A trained model: the weights that lie in `folder` beside their card. Raises InputError."""
        ...

    def predict(self, moving: Tensor, fixed: Tensor, device: torch.device) -> HalfWay | None:
        """Half-way maps of two prepared images (1, 1, I, J, K), in voxels; None where it has nothing to predict."""
        ...

    def optimise(
        self,
        pair: Pair,
        predicted: HalfWay | None,
        effort: Effort,
        device: torch.device,
        step: Callable[[float, str], None],
    ) -> HalfWay | None:
        """The model's own instance optimisation, from its prediction; None: the common refinement is what it takes.

        `step(fraction, text)` is called now and then, and may raise to stop.
        """
        ...
