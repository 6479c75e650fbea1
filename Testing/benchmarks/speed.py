"""README's speed tables: forward pass, training step, whole registrations, growth, start; medians of fresh processes.

    python Testing/benchmarks/speed.py                          # everything, about twenty minutes on two cores
    python Testing/benchmarks/speed.py --only forward start     # some sections
    python Testing/benchmarks/speed.py --readme                 # and put the tables into README.md

Prints markdown and writes it, with every single number as JSON, to bench/speed/. There is a column per device.
"""

import argparse
import dataclasses
import json
import sys
from pathlib import Path

import speed_forward
import speed_growth
import speed_large
import speed_stages
import speed_start
import speed_training
from page import put_into
from speed_machine import ROOT, Machine, this_machine
from speed_table import Figure, Section, markdown

from sitreg_engine.allocator import use_large_pages
from sitreg_engine.threads import wait_without_spinning

TITLES = {
    "start": speed_start.TITLE,
    "forward": speed_forward.TITLE,
    "training": speed_training.TITLE,
    "stages": speed_stages.TITLE,
    "growth": speed_growth.TITLE,
    "large": speed_large.TITLE,
}


def main() -> int:
    args = _arguments()
    wait_without_spinning()  # for the processes started from here
    use_large_pages()
    machine = this_machine()
    for name in args.only:
        figures = {device: _measured(name, device, args) for device in machine.devices()}
        _publish(Section(name, TITLES[name], figures), machine, args)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=TITLES, default=list(TITLES))
    parser.add_argument("--repeats", type=int, default=3, help="fresh processes that a median is taken of")
    parser.add_argument("--readme", action="store_true", help="replace the tables in README.md")
    parser.add_argument("--output", type=Path, default=ROOT / "bench" / "speed")
    return parser.parse_args()


def _measured(name: str, device: str, args: argparse.Namespace) -> list[Figure]:
    folder = args.output / "files"
    folder.mkdir(parents=True, exist_ok=True)
    sections = {
        "start": lambda: speed_start.measure(device, args.repeats, folder),
        "forward": lambda: speed_forward.measure(device, args.repeats, folder),
        "training": lambda: speed_training.measure(device, args.repeats),
        "stages": lambda: speed_stages.measure(device, args.repeats, folder),
        "growth": lambda: speed_growth.measure(device, args.repeats),
        "large": lambda: speed_large.measure(device, folder),
    }
    return sections[name]()


def _publish(section: Section, machine: Machine, args: argparse.Namespace) -> None:
    text = f"{markdown(section)}\n\n{machine.line()}."
    record = {"machine": dataclasses.asdict(machine), **dataclasses.asdict(section)}
    (args.output / f"{section.name}.md").write_text(text + "\n", encoding="utf-8")
    (args.output / f"{section.name}.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    if args.readme:
        put_into(ROOT / "README.md", "speed", section.name, text)
    sys.stdout.write(f"\n{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
