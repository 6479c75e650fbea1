"""`python -m sitreg_engine.training CONFIG.toml`: what `sitreg train` does, for torchrun."""

import sys

from sitreg_engine.cli import main

if __name__ == "__main__":
    sys.exit(main(["train", *sys.argv[1:]]))
