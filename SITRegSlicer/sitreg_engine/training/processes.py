"""One training on several processes (torchrun): who we are, and the sums over all of us."""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from sitreg_engine.errors import Cancelled, EngineError, InputError

Found = TypeVar("Found")

_PATIENCE = timedelta(hours=12)  # while the first process aligns thousands of images, or validates


@dataclass(frozen=True)
class Processes:
    rank: int = 0
    count: int = 1

    @property
    def first(self) -> bool:
        """Whether this process writes the files."""
        return self.rank == 0

    def share(self, groups: int) -> range:
        """Which of a step's groups are this process's. Raises InputError when they cannot be dealt out evenly."""
        if groups % self.count:
            raise InputError(
                f"The groups of a step (optimiser.accumulate = {groups}) must be a multiple of the {self.count} "
                "processes: change the one or the other."
            )
        return range(self.rank, groups, self.count)

    def add_gradients(self, network: nn.Module) -> None:
        """Every process gets the sum of all processes' gradients."""
        if self.count == 1:
            return
        parameters = list(network.parameters())
        flat = torch.cat([_gradient(p).flatten() for p in parameters])
        dist.all_reduce(flat)
        for parameter, part in zip(parameters, flat.split([p.numel() for p in parameters]), strict=True):
            parameter.grad = part.reshape(parameter.shape).clone()

    def one_by_one(self, work: Callable[[], Found]) -> Found:
        """The work's result in every process; the first one has done it before the others begin.

        Raises what the work raises, and Cancelled in the others when the first one's has failed: they end together.
        """
        if self.count == 1:
            return work()
        found, error = _tried(work) if self.first else (None, None)
        if self.any(error is not None):
            raise error or Cancelled("The first process does not go on: see what it says.")
        return found if self.first else work()

    def copy_weights(self, tensors: Iterable[Tensor]) -> None:
        """Every process gets the first one's values."""
        if self.count > 1:
            for tensor in tensors:
                dist.broadcast(tensor.detach(), 0)  # the same memory

    def check_same(self, tensors: Iterable[Tensor]) -> None:
        """Raises EngineError when the processes' values are not the same bits: they no longer train one network."""
        if self.count == 1:
            return
        flat = torch.cat([tensor.detach().flatten() for tensor in tensors])
        low, high = flat.clone(), flat.clone()
        dist.all_reduce(low, dist.ReduceOp.MIN)
        dist.all_reduce(high, dist.ReduceOp.MAX)
        if not torch.equal(low, high):
            apart = float((high - low).abs().max())
            raise EngineError(f"The processes' weights have drifted apart by {apart:.2g}: go on from a checkpoint.")

    def mean(self, values: list[float]) -> list[float]:
        """Mean of each number over all processes."""
        if self.count == 1:
            return values
        total = torch.tensor(values, dtype=torch.float64)
        total = total.cuda() if dist.get_backend() == "nccl" else total
        dist.all_reduce(total)
        return (total / self.count).tolist()

    def any(self, flag: bool) -> bool:
        """Whether the flag is set in any process: they stop together."""
        return self.mean([float(flag)])[0] > 0


def join_processes(device: torch.device) -> Processes:
    """The processes that torchrun has started, or this one alone."""
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        return Processes()
    if device.type == "cuda":
        torch.cuda.set_device(device)  # what torch sends to "the" GPU shall not go to the first one from every process
    if not dist.is_initialized():
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=_PATIENCE)
    return Processes(dist.get_rank(), count)


def leave_processes() -> None:
    """To be called at the end of a run."""
    if dist.is_available() and dist.is_initialized():
        dist.destroy_process_group()


def local_device(name: str) -> str:
    """Each process of a machine takes a GPU of its own, where "auto" or "cuda" leaves the choice."""
    own = os.environ.get("LOCAL_RANK")
    if own is None or not torch.cuda.is_available() or name not in ("auto", "cuda"):
        return name
    return f"cuda:{own}"


def _tried(work: Callable[[], Found]) -> tuple[Found | None, Exception | None]:
    try:
        return work(), None
    except Exception as error:
        return None, error


def _gradient(parameter: nn.Parameter) -> Tensor:
    return torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
