"""README's accuracy tables: ours beside the peers; same pairs, same affine start, same scorer of the SAVED files.

    make bench-accuracy                                           # everything: hours on two cores
    make bench-accuracy ARGS="--groups ixi --first 3"             # the first three pairs of one group
    make bench-accuracy ARGS="--methods ours greedy-long syn"     # some methods: names, or ours, or peers
    make bench-accuracy ARGS="--tables"                           # nothing is run: tables of what there is

Each method runs on each pair in a process of its own, on two cores. Finished rows are kept in bench/accuracy, and a
run that is started again goes on with those that are missing; --fresh makes the chosen ones anew, --retry those that
failed. Prints markdown and writes it to bench/accuracy/accuracy.md; --readme puts the tables into README.md, and the
rows behind them into Docs/accuracy, from where another clone goes on.
Exit code 1 when a row failed, 2 when what was given cannot be used.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from accuracy_kept import keep, unpack
from accuracy_machine import Facts, facts, is_quiet
from accuracy_methods import AFFINE, PEERS, PEERS_PYTHON, Method, chosen, methods
from accuracy_pairs import GROUPS, ROOT, Pair, data_folder, pairs_of
from accuracy_rows import Row, read_row, row_file, write_row
from accuracy_run import measured, on_two_cores
from accuracy_table import each_pair, markdown, versions
from page import put_into
from speed_process import in_fresh_processes, tell


def main(given: Sequence[str] | None = None) -> int:
    args = arguments().parse_args(given)
    known_facts = in_fresh_processes(facts)[0]
    try:
        known = methods(known_facts.trained, args.also)
        wanted = chosen(known, args.methods)
        pairs = [pair for group in args.groups for pair in pairs_of(group, data_folder())[: args.first]]
        _require_peers(wanted, args)
    except (ValueError, FileNotFoundError) as error:
        tell(str(error))
        return 2
    on_two_cores()
    unpack(pairs, known, args.output)
    if not args.tables:
        for pair in pairs:
            fill(pair, wanted, known_facts, args)
    rows = [row for pair in pairs for method in known if (row := read_row(row_file(args.output, pair, method), method))]
    return _publish(rows, known, args)


def arguments() -> argparse.ArgumentParser:
    """What the command understands."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--groups", nargs="+", choices=GROUPS, default=GROUPS)
    parser.add_argument("--first", type=int, metavar="N", help="only the first pairs of each group")
    parser.add_argument("--methods", nargs="+", default=[], metavar="NAME", help="names, or ours, or peers")
    parser.add_argument(
        "--also", action="append", default=[], metavar="TITLE=OPTIONS", help="one more, by options of register"
    )
    anew = parser.add_mutually_exclusive_group()
    anew.add_argument("--resume", action="store_true", help="go on with what is missing (it does so anyway)")
    anew.add_argument("--fresh", action="store_true", help="make the chosen rows anew")
    anew.add_argument("--retry", action="store_true", help="make anew what failed")
    anew.add_argument("--tables", action="store_true", help="run nothing")
    parser.add_argument("--minutes", type=float, default=30.0, help="that a method may take on a pair (30)")
    parser.add_argument("--readme", action="store_true", help="replace the tables in README.md")
    parser.add_argument("--busy", action="store_true", help="--readme even with seconds of a busy machine")
    parser.add_argument("--output", type=Path, default=ROOT / "bench" / "accuracy")
    return parser


def _require_peers(wanted: Sequence[Method], args: argparse.Namespace) -> None:
    if any(method.kind == PEERS for method in wanted) and not args.tables and not PEERS_PYTHON.exists():
        raise FileNotFoundError(f"{PEERS_PYTHON} is missing: `make peers`, or choose others with --methods.")


def fill(pair: Pair, wanted: Sequence[Method], known: Facts, args: argparse.Namespace) -> None:
    """Make the rows of one pair that are missing; the common start comes first, and is anew when its files are gone."""
    start = args.output / pair.folder / AFFINE.name / "moving.nrrd"
    for method in [AFFINE, *(method for method in wanted if method != AFFINE)]:
        file = row_file(args.output, pair, method)
        row = read_row(file, method)
        asked = method in wanted and (args.fresh or (args.retry and row is not None and bool(row.reason)))
        if row is not None and not asked and (method != AFFINE or start.exists()):
            continue
        row = measured(pair, method, args.output, known.machine, is_quiet(), args.minutes)
        write_row(row, file)
        tell(_line(row))
        if method == AFFINE and row.reason:
            return


def _line(row: Row) -> str:
    name = f"{row.group} {row.pair} {row.method}"
    if row.reason:
        return f"{name}: {row.reason}"
    return f"{name}: Dice {row.score.dice:.3f}, {row.cost.seconds:.1f} s, {row.cost.cpu:.0f} CPU-s"


def _publish(rows: Sequence[Row], known: Sequence[Method], args: argparse.Namespace) -> int:
    parts = []
    for group in args.groups:
        of_it = [row for row in rows if row.group == group]
        if not of_it:
            continue
        text = f"{markdown(of_it, known)}\n\n{versions(of_it)}"
        parts.append(f"{group}\n\n{text}")
        if args.readme and (args.busy or all(row.quiet for row in of_it)):
            put_into(ROOT / "README.md", "accuracy", group, text)
            keep(of_it, group)
        elif args.readme:
            tell(f"{group} is not put into README.md: the machine was busy (--fresh on a quiet one, or --busy).")
    page = "\n\n".join(parts) + "\n"
    args.output.mkdir(parents=True, exist_ok=True)
    (args.output / "accuracy.md").write_text(f"{page}\n{each_pair(rows)}\n", encoding="utf-8")
    sys.stdout.write(page)
    return 1 if any(row.reason for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
