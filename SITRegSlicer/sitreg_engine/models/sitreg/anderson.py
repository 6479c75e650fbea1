"""Fixed points by Anderson acceleration: the next guess is the mix of the last few whose residuals cancel best."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from sitreg_engine.parallel import in_parallel

_PART = 2**20  # numbers that a CPU takes at a time


@dataclass(frozen=True)
class AndersonConfig:
    memory: int = 4  # evaluations that are mixed
    ridge: float = 1e-4  # keeps the mixing weights small when residuals are nearly parallel; absolute, voxel^2
    min_evaluations: int = 2
    # On a GPU the first evaluations are not checked: every check makes it wait for the CPU.
    unchecked_on_gpu: int = 5
    max_evaluations: int = 50


def solve_fixed_point(
    function: Callable[[Tensor], Tensor],
    start: Tensor,
    is_done: Callable[[Tensor, Tensor], bool],
    config: AndersonConfig,
) -> tuple[Tensor, int]:
    """(y, evaluations) with y = function(x) at the last guess x, of x = function(x) from `start` (N, ...).

    `is_done(y - x, y)` decides for the whole batch; the mixing weights are each sample's own. At most
    2 * memory + 2 tensors of the size of `start` are alive.
    """
    guess, history = start, _History(config)
    unchecked = config.unchecked_on_gpu if start.is_cuda else config.min_evaluations
    for evaluations in range(1, config.max_evaluations + 1):
        value = function(guess)
        residual = value - guess
        if evaluations >= unchecked and is_done(residual, value):
            break
        history.add(value, residual)
        if evaluations < config.max_evaluations:
            guess = history.mixed()
    return value, evaluations


class _History:
    """The last few evaluations, and the products of their residuals."""

    def __init__(self, config: AndersonConfig):
        self._config = config
        self._values: list[Tensor] = []
        self._residuals: list[Tensor] = []
        self._products: dict[tuple[int, int], Tensor] = {}  # by the residuals' ids, (N,)

    def add(self, value: Tensor, residual: Tensor) -> None:
        if len(self._values) == self._config.memory:
            gone = id(self._residuals[0])
            self._products = {pair: product for pair, product in self._products.items() if gone not in pair}
            del self._values[0], self._residuals[0]
        self._values.append(value)
        self._residuals.append(residual)

    def mixed(self) -> Tensor:
        """The combination of values, weights summing to one, whose combined residual is smallest."""
        if len(self._values) == 1:
            return self._values[0]
        return _weighted_sum(self._weights(), self._values)

    def _weights(self) -> Tensor:
        """Least-squares weights (N, memory): solve (G G^T + ridge I) a = 1, scaled to sum to one."""
        count = len(self._residuals)
        rows = [torch.stack([self._product(a, b) for b in self._residuals], dim=-1) for a in self._residuals]
        gram = torch.stack(rows, dim=-2)  # (N, memory, memory)
        gram = gram + self._config.ridge * torch.eye(count, dtype=gram.dtype, device=gram.device)
        # solve_ex does not make a GPU wait to see whether the matrix was singular; with the ridge it never is.
        weights = torch.linalg.solve_ex(gram, gram.new_ones(gram.shape[0], count))[0]
        return weights / weights.sum(dim=1, keepdim=True)

    def _product(self, a: Tensor, b: Tensor) -> Tensor:
        """Sum of a * b of each sample, (N,); each pair is looked at once."""
        pair = (id(a), id(b)) if id(a) <= id(b) else (id(b), id(a))
        if pair not in self._products:
            self._products[pair] = _products(a, b)
        return self._products[pair]


def _products(a: Tensor, b: Tensor) -> Tensor:
    """Sum of a * b of each sample, (N,)."""
    a, b = a.flatten(1), b.flatten(1)
    parts = in_parallel(lambda part: (a[:, part] * b[:, part]).sum(dim=1), _parts(a))
    return torch.stack(parts).sum(dim=0)


def _weighted_sum(weights: Tensor, values: list[Tensor]) -> Tensor:
    """Sum over m of weights[:, m] * values[m]; weights (N, memory)."""
    result = torch.empty_like(values[0])
    flat, target = [value.flatten(1) for value in values], result.flatten(1)

    def fill(part: slice) -> None:
        torch.mul(flat[0][:, part], weights[:, :1], out=target[:, part])
        for index, value in enumerate(flat[1:], start=1):
            target[:, part].addcmul_(value[:, part], weights[:, index : index + 1])

    in_parallel(fill, _parts(target))
    return result


def _parts(flat: Tensor) -> list[slice]:
    """(N, length) in parts for a CPU's caches, whole for a GPU."""
    size = flat.shape[1] if flat.is_cuda else _PART
    return [slice(start, start + size) for start in range(0, flat.shape[1], size)]
