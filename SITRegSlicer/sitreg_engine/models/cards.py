"""Model cards: what a model was trained on, for what it is meant, and which file holds its weights.

`card.json` lies beside `model.safetensors` in a folder of the model's id. The panel reads id and title; the engine all.
"""

import dataclasses
import json
import math
import re
import typing
from dataclasses import dataclass
from pathlib import Path

from sitreg_engine.contract import Measure, finite
from sitreg_engine.errors import InputError
from sitreg_engine.whole import written_whole

from .familiar import Familiar

CARD, WEIGHTS = "card.json", "model.safetensors"
NORMALISATIONS = ("robust_range",)  # of prepare.normalise
_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_NEEDED = ("title", "anatomy", "modality", "contrast", "licence", "data", "limits", "model")


@dataclass(frozen=True)
class Card:
    """Texts are for people. `architecture` goes to the builder of `model` (a name in MODELS) as it is."""

    id: str  # small letters, digits and hyphens: the folder's name
    title: str
    anatomy: str  # "brain"
    modality: str  # "MR"
    contrast: str  # "T1-weighted"
    spacing: float  # of the working grid in training, mm
    normalisation: str  # one of NORMALISATIONS
    model: str
    architecture: dict
    licence: str  # of the weights
    data: str  # what it was trained on, with attribution
    limits: str  # where it stops being reliable
    sha256: str  # of the weights file
    citation: str = ""
    capture_range: float = 0.0  # mm after alignment that it was trained to bridge; 0 = not known
    training: str = ""  # how it was made: settings and steps
    results: tuple[Measure, ...] = ()
    familiar: Familiar | None = None  # how the training images looked; None: not known
    any_size: bool = False  # smaller and larger things are shown to it with voxels in proportion


def read_card(folder: Path) -> Card:
    """The card in a model's folder, checked. Raises InputError."""
    path = Path(folder) / CARD
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(f"A model card was expected at {path}, but it cannot be read: {error}.") from error
    card = _card_of(content, path)
    check_card(card, str(path))
    if card.id != path.parent.name:
        raise InputError(
            f"The model card {path} is of {card.id!r}, but its folder is {path.parent.name!r}: rename one."
        )
    return card


def write_card(card: Card, folder: Path) -> None:
    """Write card.json, whole or not at all. Raises InputError when something is missing or wrong."""
    check_card(card, "The model card")
    text = json.dumps(finite(dataclasses.asdict(card)), indent=2, ensure_ascii=False, allow_nan=False)
    with written_whole(folder / CARD) as file:
        file.write_text(text + "\n", encoding="utf-8")


def check_card(card: Card, name: str) -> None:
    """Raises InputError for the first thing that is missing or wrong."""
    if not _ID.fullmatch(card.id):
        raise InputError(f"{name}: id must be small letters, digits and hyphens, got {card.id!r}.")
    for field in _NEEDED:
        if not getattr(card, field).strip():
            raise InputError(f"{name}: {field} is empty; people must be told.")
    if not (math.isfinite(card.spacing) and card.spacing > 0):
        raise InputError(f"{name}: spacing must be a positive number of mm, got {card.spacing}.")
    if not (math.isfinite(card.capture_range) and card.capture_range >= 0):
        raise InputError(f"{name}: capture_range must be a number of mm (0 = not known), got {card.capture_range}.")
    if card.normalisation not in NORMALISATIONS:
        known = ", ".join(NORMALISATIONS)
        raise InputError(f"{name}: normalisation must be one of {known}, got {card.normalisation!r}.")
    if card.any_size and (card.familiar is None or card.familiar.side[1] <= 0):
        raise InputError(f"{name}: any_size needs familiar.side, the sizes that the model was trained on.")
    if not _SHA256.fullmatch(card.sha256):
        raise InputError(f"{name}: sha256 must be 64 hexadecimal digits, got {card.sha256!r}.")


def _card_of(content: object, path: Path) -> Card:
    """Types and names as in Card. Raises InputError."""
    if not isinstance(content, dict):
        raise InputError(f"The model card {path} must hold a JSON object, not a {type(content).__name__}.")
    kinds = typing.get_type_hints(Card)
    needed = {f.name for f in dataclasses.fields(Card) if f.default is dataclasses.MISSING}
    if wrong := sorted(set(content) - set(kinds)) + sorted(needed - set(content)):
        raise InputError(f"The model card {path} has missing or unknown entries: {', '.join(wrong)}.")
    return Card(**{name: _value(kinds[name], value, name, path) for name, value in content.items()})


def _value(kind, value: object, name: str, path: Path):
    if name == "results":
        return _results(value, path)
    if name == "familiar":
        return None if value is None else Familiar.of(value, f"The model card {path}")
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind:
        raise InputError(f"The model card {path}: {name} must be of type {kind.__name__}, got {value!r}.")
    return value


def _results(value: object, path: Path) -> tuple[Measure, ...]:
    try:
        found = tuple(Measure(**item) for item in value)
    except TypeError as error:
        raise InputError(f"The model card {path}: results must be a list of measures: {error}.") from error
    return tuple(dataclasses.replace(m, value=math.nan) if m.value is None else m for m in found)
