"""The models that can be trained: NETWORKS builds each from its table in the settings."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.func import functional_call

from sitreg_engine.errors import InputError
from sitreg_engine.models.sitreg.config import SITRegConfig
from sitreg_engine.models.sitreg.network import Registration, SITReg


def _sitreg(settings: dict) -> SITReg:
    given = {name: tuple(value) if isinstance(value, list) else value for name, value in settings.items()}
    known = set(SITRegConfig.__dataclass_fields__) - {"inversion"}
    if unknown := set(given) - known:
        raise InputError(f"[network] has {', '.join(sorted(unknown))}; SITReg knows {', '.join(sorted(known))}.")
    try:
        config = SITRegConfig(**given)
        return SITReg(config)
    except (TypeError, ValueError) as error:
        raise InputError(f"The [network] of a SITReg could not be built: {error}.") from error


# A network of two images (1, C, I, J, K) of one grid that returns a Registration.
NETWORKS: dict[str, Callable[[dict], nn.Module]] = {"sitreg": _sitreg}


def build_network(model: str, settings: dict, seed: int) -> nn.Module:
    """A network with the weights that torch initialises from `seed`. Raises InputError for what cannot be built."""
    if model not in NETWORKS:
        raise InputError(f"A model that can be trained must be one of {', '.join(NETWORKS)}, got {model!r}.")
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return NETWORKS[model](settings)


def run_network(network: nn.Module, image_1: Tensor, image_2: Tensor, dtype: torch.dtype) -> Registration:
    """The network with its convolution blocks in `dtype`; the weights themselves, and all fields, stay float32."""
    if dtype == torch.float32:
        return network(image_1, image_2)
    cast = {name: p.to(dtype) if _in_block(name) else p for name, p in network.named_parameters()}
    return functional_call(network, cast, (image_1, image_2))


def _in_block(name: str) -> bool:
    """Whether a weight belongs to the convolution blocks; what makes displacements stays exact."""
    return name.startswith("extractor.") or ".block." in name
