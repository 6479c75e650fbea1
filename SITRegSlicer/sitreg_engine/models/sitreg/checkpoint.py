"""SITReg weights on disk, in the published code's format: reading any of its checkpoints, and writing new ones.

The architecture is inferred from names and shapes. What they do not show is the number of GroupNorm groups: it comes
from the file (ours say it), from the caller, or from the published networks of just this architecture.
"""

import dataclasses
import pickle
import struct
import zipfile
from pathlib import Path

import torch
from torch import Tensor

from sitreg_engine.errors import InputError

from .config import SITRegConfig
from .names import SINCE_2024, UNTIL_2023, Naming
from .network import SITReg
from .published import PUBLISHED

# What torch raises for files that are no checkpoints, by what they hold instead.
_UNREADABLE = (
    *(pickle.UnpicklingError, zipfile.BadZipFile, struct.error),
    *(RuntimeError, EOFError, OSError, ValueError, LookupError, TypeError, AttributeError),
)
_WEIGHTS_KEYS = ("registration_network", "state_dict", "model_state_dict")
_GROUPS_KEY = "sitreg_groups"  # beside the weights in files of ours: [extractor, update networks or 0]


def load_checkpoint(
    path: Path, groups: int | None = None, update_groups: int | None = None
) -> tuple[SITReg, SITRegConfig]:
    """The network of a checkpoint file, float32 on the CPU, ready for inference.

    groups: GroupNorm groups of the extractor, when the file does not say; update_groups: of the update networks,
    where the number differs. Raises InputError for files that are missing, damaged or of another
    kind, and when the groups are needed or do not fit.
    """
    content = _read(path)
    weights = _weights_of(content, path)
    naming = _naming_of(weights, path)
    config = _inferred(weights, naming, path)
    config = _with_groups(config, content.get(_GROUPS_KEY), groups, update_groups, path)
    network = SITReg(config)
    network.load_state_dict(_renamed(weights, network, naming, path))
    return network.eval().requires_grad_(False), config


def save_checkpoint(network: SITReg, path: Path) -> None:
    """Write the weights as the published code would, with the number of groups beside them."""
    weights = {SINCE_2024.official(name): tensor.detach().cpu() for name, tensor in network.state_dict().items()}
    groups = [network.config.groups, network.config.update_groups or 0]
    torch.save({"registration_network": weights, _GROUPS_KEY: groups}, path)


def _read(path: Path) -> dict:
    if not Path(path).is_file():
        raise InputError(f"A weights file was expected at {path}, but there is none; check the path.")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except _UNREADABLE as error:
        raise InputError(
            f"The weights file {path} could not be read as a PyTorch checkpoint; it may be damaged or of another kind."
        ) from error
    if not isinstance(content, dict):
        raise InputError(f"The weights file {path} should hold named tensors, but it holds a {type(content).__name__}.")
    return content


def _weights_of(content: dict, path: Path) -> dict[str, Tensor]:
    """The named tensors in a file, without what is no weight. float32."""
    for key in _WEIGHTS_KEYS:
        if isinstance(content.get(key), dict):
            content = content[key]
            break
    weights = {}
    for name, tensor in content.items():
        name = str(name).removeprefix("module.")
        if "._upsampling_kernels" in name:
            raise InputError(
                f"The weights file {path} is of SITReg's first public version (2023-09), whose deformations are "
                "parametrised differently; use weights of a later version."
            )
        if isinstance(tensor, Tensor) and not name.endswith("_indicator") and ".upsampling_kernels." not in name:
            weights[name] = tensor.float()
    return weights


def _naming_of(weights: dict[str, Tensor], path: Path) -> Naming:
    for naming in (SINCE_2024, UNTIL_2023):
        if naming.official("extractor.first.convolutions.0.weight") in weights:
            return naming
    given = ", ".join(sorted(weights)[:2]) or "no tensors at all"
    raise InputError(
        f"The weights file {path} should hold a SITReg network, but it holds other weights ({given}, ...)."
    )


def _inferred(weights: dict[str, Tensor], naming: Naming, path: Path) -> SITRegConfig:
    """The architecture that names and shapes show; its groups are not yet known (1)."""

    def sizes(pattern: str, axis: int) -> tuple[int, ...]:
        """Sizes along an axis of the consecutive tensors 0, 1, ... of a name."""
        found, index = [], 0
        while (name := naming.official(pattern.format(index))) in weights:
            found.append(weights[name].shape[axis])
            index += 1
        return tuple(found)

    first = weights.get(naming.official("extractor.projection.weight"))
    update_features = sizes("updates.{}.final.weight", 1)
    if first is None or not update_features:
        raise InputError(f"The weights file {path} is an incomplete SITReg network: whole layers are missing.")
    has_update_norms = naming.official("updates.0.block.norms.0.weight") in weights
    return SITRegConfig(
        features=(first.shape[0], *sizes("extractor.coarser.{}.strided.weight", 0)),
        update_features=update_features,
        groups=1,
        update_groups=1 if has_update_norms else None,
        in_channels=first.shape[1],
        convolutions=len(sizes("extractor.first.convolutions.{}.weight", 0)),
        update_convolutions=len(sizes("updates.0.block.convolutions.{}.weight", 0)),
        norm_first=naming is SINCE_2024,
        affine=naming.official("affine.final.weight") in weights,
        affine_chained=naming is UNTIL_2023,
    )


def _with_groups(
    config: SITRegConfig, stored: list[int] | None, groups: int | None, update_groups: int | None, path: Path
) -> SITRegConfig:
    """The caller's groups, else the file's own, else those of the published networks of this architecture."""
    published = _published_groups(config)
    if groups is None and (stored or published):
        groups, stored_update_groups = stored or published
        update_groups = update_groups or stored_update_groups
    if groups is None:
        raise InputError(
            f"The weights file {path} does not say how many GroupNorm groups its network has; give --groups "
            "(LUMIR: 4; OASIS, LPBA40, Lung250M, NLST: 2)."
        )
    config = dataclasses.replace(
        config, groups=groups, update_groups=(update_groups or groups) if config.update_groups else None
    )
    _check_groups(config.groups, config.features)
    _check_groups(config.update_groups or 1, config.update_features)
    return config


def _published_groups(config: SITRegConfig) -> tuple[int, int | None] | None:
    """(extractor, update networks), where all published networks of this architecture agree (LUMIR, NLST: no)."""
    alike = (p for p in PUBLISHED.values() if config.features[:2] in p.finest)
    found = {(p.groups, p.update_groups) for p in alike if (p.update_groups is None) == (config.update_groups is None)}
    return found.pop() if len(found) == 1 else None


def _check_groups(groups: int, channels: tuple[int, ...]) -> None:
    if groups < 1 or any(count % groups for count in channels):
        raise InputError(
            f"The number of GroupNorm groups must divide the network's channels {channels}, got {groups}; "
            "give the number that the network was trained with."
        )


def _renamed(weights: dict[str, Tensor], network: SITReg, naming: Naming, path: Path) -> dict[str, Tensor]:
    """The file's weights by our names. Raises InputError when any is missing, left over, misshapen or not finite."""
    expected = {naming.official(name): (name, tensor.shape) for name, tensor in network.state_dict().items()}
    missing, left_over = sorted(expected.keys() - weights.keys()), sorted(weights.keys() - expected.keys())
    if missing or left_over:
        raise InputError(
            f"The weights file {path} does not fit the SITReg network that it seems to hold: {len(missing)} tensors "
            f"are missing and {len(left_over)} left over, such as {(missing + left_over)[0]}."
        )
    for official, (_, shape) in expected.items():
        if weights[official].shape != shape:
            given = tuple(weights[official].shape)
            raise InputError(
                f"In the weights file {path}, {official} should be {tuple(shape)} in shape, but is {given}."
            )
        if not bool(weights[official].isfinite().all()):
            raise InputError(f"In the weights file {path}, {official} has values that are not finite.")
    return {name: weights[official] for official, (name, _) in expected.items()}
