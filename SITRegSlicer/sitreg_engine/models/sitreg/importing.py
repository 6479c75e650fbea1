"""Checkpoints of the published code, brought into the form of our own trained models."""

import dataclasses
import tomllib
from pathlib import Path

from sitreg_engine.errors import InputError
from sitreg_engine.models.cards import Card
from sitreg_engine.models.placing import NOT_YET
from sitreg_engine.models.weights_file import weights_hash

from .architecture import table_of
from .checkpoint import load_checkpoint
from .config import SITRegConfig
from .network import SITReg
from .published import CITATION, PUBLISHED, Published

_UNKNOWN_LICENCE = "as the checkpoint's publisher says; the card does not know"


def import_checkpoint(
    path: Path, config: str, model_id: str, groups: int | None, update_groups: int | None
) -> tuple[SITReg, Card]:
    """A checkpoint (any of the published forms, old and new names) as a network, and a card for it.

    config: a name in PUBLISHED, a TOML file with entries of Published, or "" when nothing is known; groups given by
    the caller win over the configuration's. Raises InputError when the checkpoint does not belong to the
    configuration, and when its groups are not known.
    """
    known = _known(config)
    if known:
        groups, update_groups = groups or known.groups, update_groups or known.update_groups
    network, found = load_checkpoint(path, groups, update_groups)
    if known and found.features[:2] not in known.finest:
        raise InputError(
            f"{path} has {found.features[:2]} channels at its finest levels, networks of {config} have "
            f"{' or '.join(map(str, known.finest))}: give the configuration that it was trained with."
        )
    if known and found.affine:
        found = dataclasses.replace(found, voxel_size=(known.spacing,) * 3)
        network = _rebuilt(network, found)
    return network, _card(known or _stranger(found), found, path, model_id)


def _known(config: str) -> Published | None:
    if not config or config in PUBLISHED:
        return PUBLISHED.get(config)
    path = Path(config)
    if not path.is_file():
        raise InputError(f"The configuration must be one of {', '.join(PUBLISHED)}, or a TOML file; got {config!r}.")
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        content["finest"] = tuple(tuple(pair) for pair in content["finest"])
        return Published(**content)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, KeyError, TypeError) as error:
        wanted = ", ".join(Published.__dataclass_fields__)
        raise InputError(f"The configuration {path} should have the entries {wanted}: {error}.") from error


def _rebuilt(network: SITReg, config: SITRegConfig) -> SITReg:
    """The same weights in a network whose affine stage knows the voxel size."""
    rebuilt = SITReg(config)
    rebuilt.load_state_dict(network.state_dict())
    return rebuilt.eval().requires_grad_(False)


def _stranger(config: SITRegConfig) -> Published:
    unknown = "not known"
    return Published(
        *("Imported SITReg", (config.features[:2],), config.groups, config.update_groups, 1.0),
        *(unknown,) * 4,
        limits="Nothing is known of what it was trained on.",
    )


def _card(known: Published, config: SITRegConfig, path: Path, model_id: str) -> Card:
    return Card(
        id=model_id,
        title=known.title,
        anatomy=known.anatomy,
        modality=known.modality,
        contrast=known.contrast,
        spacing=known.spacing,
        normalisation="robust_range",
        model="sitreg",
        architecture=table_of(config),
        licence=_UNKNOWN_LICENCE,
        data=known.data,
        limits=known.limits,
        sha256=NOT_YET,
        citation=CITATION,
        training=f"imported from {path.name}, SHA-256 {weights_hash(path)}",
    )
