"""Fixed points by Anderson acceleration: the next guess is the mix of the last few whose residuals cancel best.

One evaluation is one walk over the parts of the field. Each part's guess is mixed, evaluated, and compared with the
evaluations before while it is in the processor's caches; whole guesses and whole differences are never stored.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import EllipsisType

import torch
from torch import Tensor

from sitreg_engine.parallel import in_parallel

Part = tuple[slice, ...] | EllipsisType  # an index that cuts a part, all samples of it, out of a field
Function = Callable[[Tensor, Part, Tensor], object]  # of the guess in a part, the part, and where the value goes
WHOLE: tuple[Part, ...] = (...,)


@dataclass(frozen=True)
class AndersonConfig:
    memory: int = 4  # evaluations that are mixed
    ridge: float = 1e-4  # keeps the mixing weights small when residuals are nearly parallel; absolute, voxel^2
    min_evaluations: int = 2
    # On a GPU the first evaluations are not checked: every check makes it wait for the CPU.
    unchecked_on_gpu: int = 5
    max_evaluations: int = 50


def solve_fixed_point(
    function: Function,
    start: Tensor,
    tolerance: float,
    config: AndersonConfig,
    parts: Sequence[Part] = WHOLE,
    spare: list[Tensor] | None = None,
) -> tuple[Tensor, int]:
    """(y, evaluations) with y = function(x) at the last guess x, of x = function(x) from `start` (N, ...).

    `function(guess, part, out)` is asked for one part at a time, given its guess alone, and writes into `out`. Done
    when no value of the whole batch changes by `tolerance`; the mixing weights are each sample's own. At most
    2 * memory tensors of the size of `start` are alive besides it: those in `spare` are taken first, and all but y are
    found there afterwards.
    """
    history = _History(start, config, [] if spare is None else spare)
    unchecked = config.unchecked_on_gpu if start.is_cuda else config.min_evaluations
    for evaluations in range(1, config.max_evaluations + 1):
        largest = history.evaluate(function, parts)
        if evaluations >= unchecked and bool(largest < tolerance):
            break
    return history.handed_over(), evaluations


class _History:
    """The last few evaluations, and the products of their residuals."""

    def __init__(self, start: Tensor, config: AndersonConfig, spare: list[Tensor]):
        self._start, self._config, self._spare = start, config, spare
        self._values: list[Tensor] = []  # oldest first, like `start`
        self._residuals: list[Tensor] = []  # value - guess, with each part's numbers one after the other
        self._gram: Tensor | None = None  # (N, count, count) products of the residuals

    def evaluate(self, function: Function, parts: Sequence[Part]) -> Tensor:
        """One evaluation more, of the mix of all so far; returns the largest absolute residual."""
        weights = self._weights() if self._values else None
        mixed = list(self._values)
        value, residual = self._room()
        residuals = [*self._residuals, residual]

        def one(item: tuple[Part, slice]) -> tuple[Tensor, Tensor]:
            part, numbers = item
            guess = self._start[part] if weights is None else _weighted_sum(weights, [x[part] for x in mixed])
            function(guess, part, value[part])
            flat = [x.flatten(1)[:, numbers] for x in residuals]
            torch.sub(value[part], guess, out=flat[-1].view(guess.shape))
            low, high = flat[-1].aminmax()
            return torch.maximum(-low, high), torch.stack([_products(x, flat[-1]) for x in flat], dim=1)

        found = in_parallel(one, list(zip(parts, self._numbers(parts), strict=True)))
        self._values.append(value)
        self._residuals.append(residual)
        self._extend_gram(torch.stack([products for _, products in found]).sum(dim=0))
        return torch.stack([largest for largest, _ in found]).amax()

    def handed_over(self) -> Tensor:
        """The last value; the room of everything else is spare again."""
        result = self._values.pop()
        self._spare += self._values + self._residuals
        return result

    def _room(self) -> tuple[Tensor, Tensor]:
        """Where to write the next value and residual: over the oldest, when there are enough."""
        if len(self._values) == self._config.memory:
            self._gram = self._gram[:, 1:, 1:]
            return self._values.pop(0), self._residuals.pop(0)
        like = self._start
        value, residual = (
            self._spare.pop() if self._spare else torch.empty_like(like, memory_format=torch.contiguous_format)
            for _ in range(2)
        )
        return value, residual

    def _numbers(self, parts: Sequence[Part]) -> list[slice]:
        """Of each part: where its numbers are kept in a residual of (N, length)."""
        ends = torch.tensor([self._start[part][0].numel() for part in parts]).cumsum(dim=0).tolist()
        return [slice(start, stop) for start, stop in zip([0, *ends], ends, strict=False)]

    def _extend_gram(self, row: Tensor) -> None:
        """By the products (N, count) of the newest residual with all, itself last."""
        count = row.shape[1]
        gram = row.new_empty(row.shape[0], count, count)
        if count > 1:
            gram[:, :-1, :-1] = self._gram
        gram[:, -1], gram[:, :, -1] = row, row
        self._gram = gram

    def _weights(self) -> Tensor:
        """Least-squares weights (N, memory): solve (G G^T + ridge I) a = 1, scaled to sum to one."""
        count = self._gram.shape[-1]
        gram = self._gram + self._config.ridge * torch.eye(count, dtype=self._gram.dtype, device=self._gram.device)
        # solve_ex does not make a GPU wait to see whether the matrix was singular; with the ridge it never is.
        weights = torch.linalg.solve_ex(gram, gram.new_ones(gram.shape[0], count))[0]
        return weights / weights.sum(dim=1, keepdim=True)


def _products(a: Tensor, b: Tensor) -> Tensor:
    """Sum of a * b of each sample, (N,), of (N, length)."""
    # Not torch.dot: on some processors its rounding depends on where in memory a sample begins.
    return (a * b).sum(dim=1)


def _weighted_sum(weights: Tensor, values: list[Tensor]) -> Tensor:
    """Sum over m of weights[:, m] * values[m], in memory of its own; weights (N, memory), values (N, ...)."""
    shaped = weights.reshape(*weights.shape, *[1] * (values[0].ndim - 1)).unbind(dim=1)
    result = values[0] * shaped[0]
    for value, weight in zip(values[1:], shaped[1:], strict=True):
        result.addcmul_(value, weight)
    return result
