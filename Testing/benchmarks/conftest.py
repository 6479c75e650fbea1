"""The benchmarks are scripts that import each other by name, as they do when run; their tests do the same."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sitreg_engine.training.losses import LOSSES
from sitreg_engine.training.networks import NETWORKS

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(autouse=True)
def product_alone() -> Iterator[None]:
    """What a benchmark makes known to the training engine is forgotten again."""
    kept = [(known, dict(known)) for known in (LOSSES, NETWORKS)]
    yield
    for known, before in kept:
        known.clear()
        known.update(before)
