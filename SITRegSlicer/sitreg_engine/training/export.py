"""A run's result as a model that a registration can use: weights and card in a folder of the model's id."""

import csv
import dataclasses
import json
import math
from pathlib import Path

from sitreg_engine.contract import Measure
from sitreg_engine.models.cards import Card
from sitreg_engine.models.placing import NOT_YET, place

from .config_file import read_card_texts
from .looks import read_looks
from .networks import NETWORKS
from .state import read_checkpoint

_MEASURES = {
    "dice": ("Mean Dice of the validation pairs after the network", ""),
    "dice_before": ("Mean Dice of the validation pairs after the alignment alone", ""),
    "folded": ("Folded voxels in the labelled part of a validation pair, mean", "voxels"),
    "inverse_error": ("Mean inverse consistency error of the validation pairs", "mm"),
}


def export_run(run: Path, folder: Path, texts: Path | None = None) -> Card:
    """Write the averaged weights of a run (its best checkpoint, or the one named) and their card to `folder`.

    The folder's name is the model's id. texts: a settings file whose [card] is used instead of the run's own.
    Raises InputError when the card lacks something, and when there is no checkpoint.
    """
    content = read_checkpoint(run)
    settings, reached = content["settings"], content["reached"]
    network = NETWORKS[settings["model"]].from_table(settings["network"])
    card = Card(
        id=folder.name,
        model=settings["model"],
        architecture=network.table(),
        spacing=settings["data"]["spacing"],
        normalisation="robust_range",
        sha256=NOT_YET,
        training=json.dumps({"steps": reached["step"], "seed": settings["seed"], "losses": settings["losses"]}),
        familiar=read_looks(run if run.is_dir() else run.parent),
        results=_results(run if run.is_dir() else run.parent, reached["step"]),
        **(dataclasses.asdict(read_card_texts(texts)) if texts else settings.get("card", {})),
    )
    network.load_state_dict(content["average"])
    return place(network, card, folder)


def _results(run: Path, step: int) -> tuple[Measure, ...]:
    """What the last validation up to a step has found."""
    path = run / "validation.csv"
    if not path.is_file():
        return ()
    with open(path, newline="", encoding="utf-8") as file:
        lines = [line for line in csv.DictReader(file) if int(line["step"]) <= step]
    if not lines:
        return ()
    values = {name: float(lines[-1][name]) for name in _MEASURES if name in lines[-1]}
    return tuple(
        Measure(n, _MEASURES[n][0], value, _MEASURES[n][1]) for n, value in values.items() if math.isfinite(value)
    )
