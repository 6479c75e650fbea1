"""README's accuracy table: registers real pairs with `sitreg register` and scores the files it saved.

    python Testing/benchmarks/accuracy.py                          # all three groups, CPU
    python Testing/benchmarks/accuracy.py --groups ixi --first 2   # two pairs of one group
    python Testing/benchmarks/accuracy.py --score-only             # score again what is there
    python Testing/benchmarks/accuracy.py -- --refine 50           # options of `sitreg register` after --

Prints markdown and writes it, with every number as JSON, to bench/accuracy/. Exit code 1 when a registration fails.
"""

import argparse
import dataclasses
import json
import math
import subprocess
import sys
import time
from pathlib import Path

from accuracy_pairs import ROOT, Pair, data_folder, pairs_of
from accuracy_saved import read_result
from accuracy_scorer import engine_disagreement, score
from accuracy_table import Row, markdown

GROUPS = ("mindboggle", "ixi", "lung")


def main() -> int:
    args = _arguments()
    pairs = [pair for group in args.groups for pair in pairs_of(group, data_folder())[: args.first]]
    rows = [row for pair in pairs if (row := _measured(pair, args)) is not None]
    _write(rows, args.output)
    return 0 if len(rows) == len(pairs) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--groups", nargs="+", choices=GROUPS, default=GROUPS)
    parser.add_argument("--first", type=int, default=None, help="only the first pairs of each group")
    parser.add_argument("--output", type=Path, default=ROOT / "bench" / "accuracy")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--score-only", action="store_true", help="score the folders of an earlier run")
    parser.add_argument("options", nargs="*", help="further options of `sitreg register`, after --")
    return parser.parse_args()


def _measured(pair: Pair, args: argparse.Namespace) -> Row | None:
    folder = args.output / pair.name.replace(" <- ", "_").replace(" ", "_")
    clock = folder / "seconds.txt"
    if not args.score_only:
        folder.mkdir(parents=True, exist_ok=True)
        begun = time.perf_counter()
        status = _register(pair, folder, [*args.options, "--device", args.device])
        if status != 0:
            _tell(f"{pair.name}: `sitreg register` ended with code {status}")
            return None
        clock.write_text(f"{time.perf_counter() - begun:.1f}\n")
    row = Row(pair.group, pair.name, score(pair.fixed.labels, pair.moving.labels, folder), float(clock.read_text()))
    _tell(f"{pair.name}: Dice {row.score.dice:.3f} in {row.seconds:.0f} s")
    _tell(f"  against the engine's own numbers: {engine_disagreement(row.score, read_result(folder))}")
    return row


def _register(pair: Pair, folder: Path, options: list[str]) -> int:
    """Exit code of the command as a user would run it."""
    sitreg = Path(sys.executable).with_name("sitreg")
    command = [sitreg, "register", pair.fixed.image, pair.moving.image, "-o", folder, *pair.options, *options]
    return subprocess.run([str(part) for part in command], check=False).returncode


def _write(rows: list[Row], output: Path) -> None:
    output.mkdir(parents=True, exist_ok=True)
    table = markdown(rows)
    (output / "accuracy.md").write_text(table + "\n", encoding="utf-8")
    records = [_without_nan(dataclasses.asdict(row)) for row in rows]
    (output / "accuracy.json").write_text(json.dumps(records, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    sys.stdout.write(table + "\n")


def _without_nan(value):
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    return [_without_nan(item) for item in value] if isinstance(value, list | tuple) else value


def _tell(text: str) -> None:
    sys.stderr.write(text + "\n")


if __name__ == "__main__":
    sys.exit(main())
