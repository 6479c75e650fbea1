"""The weights that a run begins with: another run's, a model's, or those of a network that grows by a finer level."""

from pathlib import Path

import torch
from torch import Tensor, nn

from sitreg_engine.errors import InputError
from sitreg_engine.models.safetensors_file import read_tensors
from sitreg_engine.models.sitreg.network import SITReg

from .settings import StartSettings
from .state import read_checkpoint


def initialise(network: nn.Module, settings: StartSettings) -> None:
    """Change the network's weights in place. Raises InputError when they do not fit."""
    if settings.weights:
        _load(network, _weights_of(Path(settings.weights)), settings.weights)
    if settings.grown_from:
        given = _weights_of(Path(settings.grown_from))
        _load(network, grown(network, given, settings.grown_from), settings.grown_from)
    if settings.copied:
        _copy(network, settings.copied)


def _weights_of(path: Path) -> dict[str, Tensor]:
    """Of a run (the averaged ones), or of a model that was exported."""
    return read_tensors(path)[0] if path.suffix == ".safetensors" else read_checkpoint(path)["average"]


def _load(network: nn.Module, weights: dict[str, Tensor], origin: str) -> None:
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise InputError(f"The weights of {origin} are of another network: {str(error).splitlines()[-1]}") from error


def _copy(network: nn.Module, wanted: str) -> None:
    parts = dict(network.named_children())
    given, _, taking = wanted.partition(" to ")
    if not {given, taking} <= set(parts):
        raise InputError(f'start.copied must be "A to B" with A and B out of {", ".join(parts)}, got {wanted!r}.')
    _load(parts[taking], parts[given].state_dict(), given)


@torch.no_grad()
def grown(network: nn.Module, coarse: dict[str, Tensor], origin: str) -> dict[str, Tensor]:
    """Weights of a SITReg out of those of one without its finest level, trained at twice the voxel size.

    At first the result does what the coarse network does on the averaged image: its levels become the coarser ones,
    the skip path hands them the image, the strided convolution of the new level and its update begin at zero. All of
    that has gradients, so that training changes it.
    """
    if not isinstance(network, SITReg):
        raise InputError(f"Only a SITReg can grow by a level, this network is a {type(network).__name__}.")
    weights = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    for name, tensor in coarse.items():
        if name.startswith("extractor.projection."):
            continue
        target = _one_level_up(name)
        if target not in weights or weights[target].shape != tensor.shape:
            raise InputError(f"A network cannot grow out of {origin}: its {name} has no place in the larger one.")
        weights[target] = tensor
    for name in ("extractor.coarser.0.strided.weight", "extractor.coarser.0.strided.bias"):
        weights[name].zero_()
    for name in ("updates.0.final.weight", "updates.0.final.bias"):
        weights[name].zero_()
    _hand_on_the_image(weights, coarse)
    return weights


def _one_level_up(name: str) -> str:
    """Level k of the coarse network is level k + 1 of the fine one."""
    if name.startswith("extractor.first."):
        return name.replace("extractor.first.", "extractor.coarser.0.block.")
    for part in ("extractor.coarser.", "updates."):
        if name.startswith(part):
            number, rest = name.removeprefix(part).split(".", 1)
            return f"{part}{int(number) + 1}.{rest}"
    return name


def _hand_on_the_image(weights: dict[str, Tensor], coarse: dict[str, Tensor]) -> None:
    """The first channel of the finest level's skip path is the image, and the next level projects it as before."""
    channels = coarse["extractor.projection.weight"].shape[1]
    first, skip = weights["extractor.projection.weight"], weights["extractor.coarser.0.skip.weight"]
    first[:channels] = torch.eye(channels).reshape(channels, channels, 1, 1, 1)
    weights["extractor.projection.bias"][:channels] = 0
    skip.zero_()
    skip[:, :channels] = coarse["extractor.projection.weight"]
    weights["extractor.coarser.0.skip.bias"].copy_(coarse["extractor.projection.bias"])
