"""A network and its card as a folder that `load_from` reads."""

from dataclasses import replace
from pathlib import Path

from sitreg_engine.errors import InputError

from .cards import CARD, WEIGHTS, Card, check_card, write_card
from .weights_file import Network, save_network, weights_hash

NOT_YET = "0" * 64  # a sound SHA-256, for a card whose weights are not yet written


def place(network: Network, card: Card, folder: Path) -> Card:
    """Write both files; returns the card with the weights' SHA-256.

    Raises InputError for an unsound card, and for a folder that holds anything but a model.
    """
    check_card(card, "The card of the new model")
    if folder.exists() and any(path.name not in (WEIGHTS, CARD) for path in folder.iterdir()):
        raise InputError(f"{folder} holds other files than a model: give a folder of its own for the model.")
    folder.mkdir(parents=True, exist_ok=True)
    save_network(network, folder / WEIGHTS)
    finished = replace(card, sha256=weights_hash(folder / WEIGHTS))
    write_card(finished, folder)
    return finished
