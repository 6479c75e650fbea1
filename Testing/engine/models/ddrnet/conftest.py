"""Small DDR-Nets that do something."""

from collections.abc import Callable

import pytest
import torch

from sitreg_engine.models.ddrnet.network import DDRNet

SMALL = {"encoder": [4, 4], "decoder": [4, 4], "final": [4], "chunk_voxels": 16**3, "overlap": 8}


@pytest.fixture
def network() -> Callable[..., DDRNet]:
    """network(phase="local", overlap=0): with heads that move voxels by some tenths; chunks are multiples of 4."""

    def make(**settings) -> DDRNet:
        with torch.random.fork_rng():
            torch.manual_seed(1)
            made = DDRNet.from_table({**SMALL, **settings})
            for branch in (made.local_branch, made.global_branch):
                torch.nn.init.normal_(branch.mean_head.weight, 0.0, 0.3)
        return made.eval()

    return make
