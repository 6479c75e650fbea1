"""Docs/CLAIMS.md: what the four papers claim, and what of it holds on our data; all in one run, as ratios.

    python Testing/benchmarks/claims.py                                   # everything, four hours on two quiet cores
    python Testing/benchmarks/claims.py --only memory phase saved_fields  # the parts whose names begin so
    python Testing/benchmarks/claims.py --write                           # and put the tables into Docs/CLAIMS.md

Every part (train one network, judge it, one point of a memory curve) is a process of its own and leaves a file in
bench/claims/: what is there is not done again, trainings go on where they stopped. Another number of --steps is
another comparison.
"""

import argparse
import datetime
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from claims_ddrnet import ddrnet_rows
from claims_methods import METHODS
from claims_nephi import curve, nephi_rows
from claims_parts import PARTS, Results
from claims_rows import MISSING
from claims_sitreg import histogram, sitreg_rows
from claims_snet import snet_rows
from claims_table import claims_table, judged_table
from page import put_into
from speed_machine import ROOT, this_machine
from speed_process import tell

STEPS, FITTING_STEPS, PAIRS, THREADS = 1000, 50, 10, 2
PAGE = ROOT / "Docs" / "CLAIMS.md"
_JUDGED = {
    **{f"judge_{name}": method.title for name, method in METHODS.items()},
    "judge_snet_as_published": "S-Net, without our scaling",
    "judge_nephi_fitted": "NePhi, optimised on the pair",
}


def main() -> int:
    args = _arguments()
    results = Results(args.folder.resolve(), args.steps)
    failed = [] if args.tables else [name for name in chosen(args.only) if not run(name, results, args)]
    found = blocks(results, args)
    for name, text in found.items():
        if args.write:
            put_into(args.page, "claims", name, text)
        sys.stdout.write(f"\n{text}\n")
    if failed:
        tell(f"Failed: {', '.join(failed)}; the files *.log beside the results say why.")
    return 1 if failed else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", metavar="PART", default=[], help="beginnings of parts' names")
    parser.add_argument("--steps", type=int, default=STEPS, help="of every training")
    parser.add_argument("--fitting-steps", type=int, default=FITTING_STEPS, help="of NePhi's instance optimisation")
    parser.add_argument("--pairs", type=int, default=PAIRS, help="that are judged")
    parser.add_argument("--threads", type=int, default=THREADS, help="of each process")
    parser.add_argument("--tables", action="store_true", help="run nothing, show what there is")
    parser.add_argument("--write", action="store_true", help="put the tables into the page")
    parser.add_argument("--page", type=Path, default=PAGE)
    parser.add_argument("--folder", type=Path, default=ROOT / "bench" / "claims")
    args = parser.parse_args()
    if unknown := [name for name in args.only if not chosen([name])]:
        parser.error(f"no part begins with {', '.join(unknown)}; there are {', '.join(PARTS)}")
    return args


def chosen(beginnings: Sequence[str]) -> list[str]:
    """The parts whose names begin so, in the order in which they need each other; all for none."""
    return [name for name in PARTS if not beginnings or name.startswith(tuple(beginnings))]


def run(name: str, results: Results, args: argparse.Namespace) -> bool:
    """One part in a process of its own, unless its record is there. Whether it is there in the end."""
    path = results.file(name)
    if path.exists():
        return True
    path.parent.mkdir(parents=True, exist_ok=True)
    begun = time.perf_counter()
    with open(path.with_suffix(".log"), "w", encoding="utf-8") as log:
        subprocess.run(_command(name, args), stdout=log, stderr=log, env=_environment(args.threads), check=False)
    tell(f"{name}: {'done' if path.exists() else 'FAILED'} in {time.perf_counter() - begun:.0f} s")
    return path.exists()


def _command(name: str, args: argparse.Namespace) -> list[str]:
    options = {"folder": args.folder, "steps": args.steps, "fitting-steps": args.fitting_steps, "pairs": args.pairs}
    script = Path(__file__).with_name("claims_parts.py")
    return [sys.executable, str(script), name, *(f"--{option}={value}" for option, value in options.items())]


def _environment(threads: int) -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": str(threads), "OMP_WAIT_POLICY": "PASSIVE"}


def blocks(results: Results, args: argparse.Namespace) -> dict[str, str]:
    """What stands on the page, by the name of its place."""
    return {
        "setting": _setting(results, args),
        "judged": _judged(results),
        "sitreg": f"{claims_table(sitreg_rows(results))}\n\n{histogram(results)}",
        "nephi": f"{claims_table(nephi_rows(results))}\n\n{curve(results)}",
        "ddrnet": claims_table(ddrnet_rows(results)),
        "snet": claims_table(snet_rows(results)),
    }


def _setting(results: Results, args: argparse.Namespace) -> str:
    done = sum(results.file(name).exists() for name in PARTS)
    return (
        f"{args.steps} steps of every training, {args.pairs} pairs, {args.fitting_steps} steps of optimising NePhi; "
        f"{done} of {len(PARTS)} parts run. {args.threads} threads of {this_machine().line()}; "
        f"{datetime.date.today().isoformat()}."
    )


def _judged(results: Results) -> str:
    found = [(title, results.found(part)) for part, title in _JUDGED.items()]
    there = [(title, method) for title, method in found if method is not None]
    return judged_table(there) if there else f"Accuracy: {MISSING}."


if __name__ == "__main__":
    sys.exit(main())
