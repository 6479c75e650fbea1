"""The models that can be trained: NETWORKS builds each from its table in the settings."""

import copy

import torch
from torch import nn

from sitreg_engine.errors import InputError
from sitreg_engine.models.ddrnet.network import DDRNet
from sitreg_engine.models.nephi.network import NePhi
from sitreg_engine.models.sitreg.network import SITReg
from sitreg_engine.models.snet.network import SNet

# Each is a models.weights_file.Network: of two images (1, C, I, J, K) of one grid it makes a Registration.
NETWORKS: dict[str, type[nn.Module]] = {"sitreg": SITReg, "ddrnet": DDRNet, "snet": SNet, "nephi": NePhi}


def build_network(model: str, settings: dict, seed: int) -> nn.Module:
    """A network with the weights that torch initialises from `seed`. Raises InputError for what cannot be built."""
    if model not in NETWORKS:
        raise InputError(f"A model that can be trained must be one of {', '.join(NETWORKS)}, got {model!r}.")
    with torch.random.fork_rng(devices=[]):  # no GPU has a part in it
        torch.manual_seed(seed)
        return NETWORKS[model].from_table(settings)


def in_precision(network: nn.Module, dtype: torch.dtype) -> nn.Module:
    """The network with its convolution blocks in `dtype`: itself for float32, else a copy with rounded weights.

    All that makes displacements stays float32. Raises InputError for a network that cannot.
    """
    if dtype == torch.float32:
        return network
    if not hasattr(network, "compute_blocks_in"):
        raise InputError(f"A {type(network).__name__} computes in float32 only: set optimiser.dtype so.")
    return copy.deepcopy(network).compute_blocks_in(dtype)


@torch.no_grad()
def take_weights(rounded: nn.Module, network: nn.Module) -> None:
    """Bring a copy of other precision up to date."""
    for mine, exact in zip(rounded.parameters(), network.parameters(), strict=True):
        mine.copy_(exact)


def hand_over_gradients(rounded: nn.Module, network: nn.Module) -> None:
    """Add the copy's gradients to the network's, in its precision: sums of many would lose theirs in bfloat16."""
    for mine, exact in zip(rounded.parameters(), network.parameters(), strict=True):
        if mine.grad is not None:
            gradient = mine.grad.to(exact.dtype)
            exact.grad = gradient if exact.grad is None else exact.grad + gradient
            mine.grad = None


def set_checkpointing(network: nn.Module, wanted: bool) -> None:
    """Whether blocks are computed again in the backward pass. Raises InputError for a network that cannot."""
    if wanted and not hasattr(network, "checkpointing"):
        raise InputError(f"A {type(network).__name__} has no checkpointing: set optimiser.checkpointing = false.")
    if wanted:
        network.checkpointing = True
