"""SITReg as published for OASIS, with weights that nobody trained but that move things by several voxels."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from sitreg_engine.models.sitreg.checkpoint import save_checkpoint
from sitreg_engine.models.sitreg.config import OASIS
from sitreg_engine.models.sitreg.network import SITReg

# The last convolutions of a network that has learnt nothing yet hardly move anything, and the solver has an easy time.
# Times 40 each update comes near its bound. The published code was measured with both (design/sitreg.md, 8.6).
LOUD, QUIET = 40.0, 1.0
FULL, HALF = (160, 192, 224), (80, 96, 112)  # voxels; a head at 1 mm and at 2 mm
DTYPES = ("float32", "bfloat16")


@dataclass(frozen=True)
class Setting:
    """What is run."""

    shape: tuple[int, int, int]
    dtype: str  # one of DTYPES, of the convolution blocks
    device: str  # "cpu" or "cuda"
    gain: float = LOUD  # of the last convolutions


def network_for(setting: Setting) -> SITReg:
    """Always the same weights; in bfloat16 only the convolution blocks, splines, inversion and composition never."""
    return _network(setting.gain).to(setting.device).compute_blocks_in(getattr(torch, setting.dtype))


def _network(gain: float) -> SITReg:
    torch.manual_seed(0)
    network = SITReg(OASIS).eval().requires_grad_(False)
    for update in network.updates:
        update.final.weight.mul_(gain)
        update.final.bias.mul_(gain)
    return network


def write_weights(path: Path) -> Path:
    """The loud network as a checkpoint file."""
    save_checkpoint(_network(LOUD), path)
    return path


def images(setting: Setting) -> tuple[Tensor, Tensor]:
    """Two shifted wave patterns (1, 1, I, J, K), 0..1."""
    x, y, z = torch.meshgrid(*[torch.arange(n, dtype=torch.float32) for n in setting.shape], indexing="ij")
    first = 0.5 + 0.5 * torch.sin(0.30 * x + 0.20 * y) * torch.cos(0.25 * z)
    second = 0.5 + 0.5 * torch.sin(0.30 * (x + 1) + 0.20 * (y - 0.5) + 0.1) * torch.cos(0.25 * z + 0.2)
    return first[None, None].to(setting.device), second[None, None].to(setting.device)


@torch.inference_mode()
def both_maps(network: SITReg, given: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """One forward pass: displacements (1, 3, I, J, K) in voxels, both directions."""
    found = network(*given)
    return found.f12, found.f21
