"""The models that come with the extension: folders of Resources/Models, each with a card and weights."""

from pathlib import Path

from sitreg_engine.errors import InputError

from .cards import Card, read_card


def shelf_folder() -> Path:
    """Resources/Models beside the installed module, or one folder up in a developer's checkout."""
    module = Path(__file__).resolve().parents[2]
    beside = module / "Resources"
    return (beside if beside.is_dir() else module.parent / "Resources") / "Models"


def shelved(folder: Path | None = None) -> list[Card]:
    """The cards that can be used, by id. One damaged model does not take the others away."""
    found = []
    for path in sorted((folder or shelf_folder()).glob("*/card.json")):
        try:
            found.append(read_card(path.parent))
        except InputError:
            continue
    return found
