"""What the panel's lists offer: an id that is stored and sent, and a title that people read."""

import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Choice:
    """One entry of a list."""

    id: str
    title: str
    about: str = ""  # what it is for, and where it stops being reliable
    origin: str = ""  # what it was made from


DEVICES = (
    Choice("auto", "Automatic (graphics card when there is one)"),
    Choice("cpu", "Processor (CPU)"),
    Choice("cuda", "Graphics card (CUDA)"),
)
AFFINES = (
    Choice("auto", "Automatic"),
    Choice("rigid", "Rigid only"),
    Choice("none", "None: the volumes are aligned already"),
)
REFINEMENTS = (
    Choice("auto", "On, ends by itself"),
    Choice("0", "Off: the network alone"),
)
BUILT_IN_MODELS = (
    Choice(
        "sitreg",
        "SITReg, optimised on your pair",
        "For any anatomy: nothing was trained, the deformation is found on your pair. Without refinement it is the "
        "alignment alone.",
    ),
    Choice(
        "nephi",
        "NePhi, optimised on your pair",
        "For any anatomy, to compare: nothing was trained, two small networks are fitted to your pair. Takes minutes "
        "without a graphics card. The inverse is approximate.",
    ),
)


def models(modelsFolder: Path) -> list[Choice]:
    """The models that can be chosen: those that need no weights, and one for each card.json in the folder.

    A card that cannot be read is left out: one damaged model must not take the panel away.
    """
    found = list(BUILT_IN_MODELS)
    for path in sorted(modelsFolder.glob("*/card.json")):
        try:
            card = json.loads(path.read_text(encoding="utf-8"))
            origin = f"Trained on: {card['data']}. Licence of the weights: {card['licence']}."
            found.append(Choice(str(card["id"]), str(card["title"]), str(card["limits"]), origin))
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return list({choice.id: choice for choice in found}.values())
