"""The models a user can choose. A new one is one file or folder, and one line in MODELS."""

from sitreg_engine.errors import InputError

from .protocol import Model, ModelInfo
from .sitreg.model import SITRegModel

MODELS: dict[str, type[Model]] = {"sitreg": SITRegModel}


def load_model(name: str, weights: str = "", groups: int = 0) -> Model:
    """A model out of MODELS with its weights, on the CPU.

    Raises InputError for unknown names and for weights that do not fit.
    """
    if name not in MODELS:
        raise InputError(f"The model must be one of {', '.join(MODELS)}, got {name!r}.")
    return MODELS[name].load(weights, groups)


__all__ = ["MODELS", "Model", "ModelInfo", "load_model"]
