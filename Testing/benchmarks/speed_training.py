"""Section "training": one step of training SITReg, and what it keeps in memory for its backward pass."""

from dataclasses import dataclass, field

import torch
from speed_network import Setting, images, network_for
from speed_process import cost_of, in_fresh_processes, tell
from speed_table import Figure, figures_of
from torch import Tensor, nn

from sitreg_engine.mappings import identity, sample
from sitreg_engine.refine.local_ncc import local_ncc_loss
from sitreg_engine.roughness import roughness_of

TITLE = "training step (forward, loss, backward), OASIS configuration, float32"
SHAPE = (96, 112, 96)


def measure(device: str, repeats: int, shape: tuple[int, int, int] = SHAPE) -> list[Figure]:
    """On "cpu" or "cuda"."""
    tell(f"training step, {device}")
    name = "x".join(map(str, shape))
    names = (
        *((f"{name}: CPU seconds", 1, ""), (f"{name}: wall seconds", 1, ""), (f"{name}: peak MiB", 0, "")),
        (f"{name}: saved for backward, MiB", 0, ""),
    )
    return figures_of(names, in_fresh_processes(training_step, Setting(shape, "float32", device), repeats=repeats))


def training_step(setting: Setting) -> tuple[float, float, float, float]:
    """CPU seconds, wall seconds, peak MiB; MiB saved for backward.

    Every step is a process's first one on a CPU; on a GPU a step before it has chosen the algorithms.
    """
    network, given = network_for(setting).requires_grad_(True), images(setting)
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-4)
    parameters = {parameter.untyped_storage().data_ptr() for parameter in network.parameters()}
    if setting.device != "cpu":
        _step(network, given, optimiser, Saved(parameters))
    saved = Saved(parameters)
    _, cost = cost_of(lambda: _step(network, given, optimiser, saved), setting.device)
    return cost.cpu_seconds, cost.wall_seconds, cost.peak_mib, saved.mebibytes


@dataclass(frozen=True)
class Saved:
    """What autograd keeps: each piece of memory once, however many tensors look at it; parameters do not count."""

    parameters: set[int]  # addresses
    sizes: dict[int, int] = field(default_factory=dict)  # address -> bytes

    def note(self, tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in self.parameters:
            self.sizes[storage.data_ptr()] = storage.nbytes()
        return tensor

    @property
    def mebibytes(self) -> float:
        return sum(self.sizes.values()) / 2**20


def _step(network: nn.Module, given: tuple[Tensor, Tensor], optimiser: torch.optim.Optimizer, saved: Saved) -> None:
    with torch.autograd.graph.saved_tensors_hooks(saved.note, lambda tensor: tensor):
        found = network(*given)
        loss = _loss(*given, found.f12) + _loss(*reversed(given), found.f21)
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()


def _loss(moving: Tensor, fixed: Tensor, u: Tensor) -> Tensor:
    """Local correlation and diffusion, as the published networks were trained."""
    ones = torch.ones_like(fixed)
    warped = sample(moving, identity(tuple(u.shape[2:]), u) + u)
    return local_ncc_loss(warped, fixed, ones, ones, 7) + roughness_of(u)
