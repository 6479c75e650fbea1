"""The models a user can choose. A new one is one file or folder, and one line in MODELS.

Trained ones need no line: each is a folder with a card and weights (shelf.py), and its card names one of MODELS.
"""

from pathlib import Path

from sitreg_engine.errors import InputError

from .cards import Card, read_card, write_card
from .ddrnet.model import DDRNetModel
from .nephi.model import NePhiModel
from .nephi.multiresolution import MultiResolutionNePhi
from .protocol import Model, ModelInfo
from .shelf import shelf_folder, shelved
from .sitreg.model import SITRegModel
from .snet.model import SNetModel

MODELS: dict[str, type[Model]] = {
    "sitreg": SITRegModel,
    "ddrnet": DDRNetModel,
    "snet": SNetModel,
    "nephi": NePhiModel,
    "nephi-coarse-to-fine": MultiResolutionNePhi,
}


def load_model(name: str, weights: str = "", groups: int = 0) -> Model:
    """A model out of MODELS with its weights, or a trained one by the id of its card; on the CPU.

    Raises InputError for unknown names and for weights that do not fit.
    """
    if name in MODELS:
        return MODELS[name].load(weights, groups)
    folder = shelf_folder() / name
    if name not in {card.id for card in shelved()}:
        raise InputError(f"The model must be one of {', '.join(model_ids())}, got {name!r}.")
    if weights:
        raise InputError(f"The model {name} has weights of its own; to use others, choose one of {', '.join(MODELS)}.")
    return load_from(folder)


def load_from(folder: Path) -> Model:
    """The trained model in a folder with a card. Raises InputError."""
    card = read_card(folder)
    if card.model not in MODELS:
        raise InputError(f"The card in {folder} names the model {card.model!r}; known are {', '.join(MODELS)}.")
    return MODELS[card.model].from_card(card, folder)


def model_ids() -> list[str]:
    """All that `load_model` knows: MODELS, then the trained ones."""
    return [*MODELS, *(card.id for card in shelved() if card.id not in MODELS)]


__all__ = [
    "MODELS",
    "Card",
    "Model",
    "ModelInfo",
    "load_from",
    "load_model",
    "model_ids",
    "read_card",
    "shelf_folder",
    "shelved",
    "write_card",
]
