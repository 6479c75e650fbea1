"""Networks with made-up but fixed weights, and the images that go with them."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from sitreg_engine.models.sitreg.config import SITRegConfig
from sitreg_engine.models.sitreg.names import SINCE_2024
from sitreg_engine.models.sitreg.network import SITReg


@pytest.fixture
def fixed_network() -> Callable[[SITRegConfig, torch.dtype], SITReg]:
    """A network whose weights are sines, by the recipe that the golden numbers were made with.

    Tensor number n (of the published names in sorted order) has element i = sin(0.37 i + 0.11 n), scaled.
    """
    return _fixed_network


def _fixed_network(config: SITRegConfig, dtype: torch.dtype) -> SITReg:
    network = SITReg(config).double()
    state = network.state_dict()
    ours = {SINCE_2024.official(name): name for name in state}
    for number, official in enumerate(sorted(ours)):
        tensor = state[ours[official]]
        wave = torch.sin(0.37 * torch.arange(tensor.numel(), dtype=torch.float64) + 0.11 * number)
        tensor.copy_(_scaled(wave.reshape(tensor.shape), official))
    return network.to(dtype).eval()


def _scaled(wave: torch.Tensor, official: str) -> torch.Tensor:
    if wave.ndim >= 2:
        return wave * (2 / wave[0].numel()) ** 0.5 * (4 if "final_convolution" in official else 1)
    return 0.1 * wave + (1 if "normalizers" in official and official.endswith("weight") else 0)


@pytest.fixture
def wave_images() -> Callable[[tuple[int, int, int], torch.dtype], tuple[torch.Tensor, torch.Tensor]]:
    """Two shifted wave patterns (1, 1, I, J, K)."""
    return _wave_images


def _wave_images(shape: tuple[int, int, int], dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
    x, y, z = torch.meshgrid(*[torch.arange(n, dtype=torch.float64) for n in shape], indexing="ij")
    first = 0.5 + 0.5 * torch.sin(0.30 * x + 0.20 * y) * torch.cos(0.25 * z)
    second = 0.5 + 0.5 * torch.sin(0.30 * (x + 1) + 0.20 * (y - 0.5) + 0.1) * torch.cos(0.25 * z + 0.2)
    return first[None, None].to(dtype), second[None, None].to(dtype)


@pytest.fixture
def oracles() -> Path:
    """The folder with results of the published code, beside the test data."""
    root = Path(__file__).resolve().parents[4]
    folder = Path(os.environ.get("SITREG_DATA", root.parent / "shared" / "data")).parent / "oracles"
    if not folder.is_dir():
        pytest.skip(f"results of the published code are not there: {folder}")
    return folder
