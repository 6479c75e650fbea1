"""On real images: a small network learns to bring hippocampi together, and its maps stay sound on unseen ones."""

import csv
import os
from pathlib import Path

import pytest

from sitreg_engine.training.command import run_training

COUNT = 14


@pytest.fixture
def hippocampi(tmp_path) -> Path:
    """A table of the first few cases, three of them for validation."""
    root = Path(__file__).resolve().parents[3]
    folder = Path(os.environ.get("SITREG_DATA", root.parent / "shared" / "data")) / "hippocampus"
    if not folder.is_dir():
        pytest.skip(f"real hippocampi are not there: {folder}")
    labels = sorted(folder.glob("*_labels.nii.gz"))[:COUNT]
    rows = ["image,labels,person,split"]
    for number, path in enumerate(labels):
        image = path.with_name(path.name.replace("_labels", "_t1"))
        rows.append(f"{image},{path},{number},{'val' if number >= COUNT - 3 else 'train'}")
    table = tmp_path / "hippocampi.csv"
    table.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return table


@pytest.mark.slow
def test_a_small_network_learns_to_bring_hippocampi_together(hippocampi, config, people, tmp_path):
    text = config(
        steps=150, every=150, features="[6, 8, 12]", update_features="[8, 12, 16]", optimiser="ema = 0.95"
    ).read_text(encoding="utf-8")
    text = text.replace(str(people.table), str(hippocampi)).replace("spacing = 8.0", "spacing = 2.0")
    (tmp_path / "real.toml").write_text(text.replace("pairs = 1", "pairs = 3"), encoding="utf-8")
    assert run_training(str(tmp_path / "real.toml"), None, 0, lambda _: None) == 0
    log, validation = (lines(tmp_path / "run" / name) for name in ("log.csv", "validation.csv"))
    early, late = (sum(float(line["soft_dice"]) for line in part) / 40 for part in (log[:40], log[-40:]))
    assert late < early - 0.05  # of what augmentation has put apart, too
    assert float(validation[-1]["folded"]) == 0
    assert float(validation[-1]["inverse_error"]) < 0.1  # mm


def lines(path: Path) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
