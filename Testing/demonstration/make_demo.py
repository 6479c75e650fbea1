"""`make demo`: a synthetic pair with a known deformation, registered by the worker, shown and scored.

Usage: python Testing/demonstration/make_demo.py FOLDER
"""

import sys
import time
from pathlib import Path

from phantom import write_pair
from scene import write_scene
from score import markdown, score, write_table
from worker_client import register_in_worker

from sitreg_engine.contract import Job


def main(folder: Path) -> None:
    """Everything, into `folder`."""
    begun = time.monotonic()
    folder.mkdir(parents=True, exist_ok=True)
    say("Making two scans of a head whose deformation is known")
    files, truth = write_pair(folder)
    say("Registering them in the background worker")
    given = {name: str(path.absolute()) for name, path in vars(files).items()}
    result = register_in_worker(Job(id="demo", output=str((folder / "result").absolute()), **given))
    rows = score(files, result)
    write_table(rows, folder / "table.md")
    say("Building the Slicer scene and the pictures")
    write_scene(files, truth, result, folder)
    sys.stdout.write(f"\n{markdown(rows)}\n")
    say(f"Done in {time.monotonic() - begun:.0f} s: {folder}/scene.mrb, {folder}/overview.png, {folder}/table.md")


def say(line: str) -> None:
    """One line of progress, at once even through a pipe."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "demo"))
