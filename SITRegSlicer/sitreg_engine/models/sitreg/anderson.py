"""Fixed points by Anderson acceleration: the next guess is the mix of the last few whose residuals cancel best."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class AndersonConfig:
    memory: int = 4  # evaluations that are mixed
    ridge: float = 1e-4  # keeps the mixing weights small when residuals are nearly parallel; absolute, voxel^2
    min_evaluations: int = 2
    max_evaluations: int = 50


def solve_fixed_point(
    function: Callable[[Tensor], Tensor],
    start: Tensor,
    is_done: Callable[[Tensor, Tensor], bool],
    config: AndersonConfig,
) -> tuple[Tensor, int]:
    """(y, evaluations) with y = function(x) at the last guess x, of x = function(x) from `start` (N, ...).

    `is_done(x, y)` decides for the whole batch; the mixing weights are each sample's own. At most
    2 * memory + 2 tensors of the size of `start` are alive.
    """
    guess, value = start, function(start)
    values, residuals = [value], [value - guess]
    evaluations = 1
    while evaluations < config.max_evaluations:
        if evaluations >= config.min_evaluations and is_done(guess, value):
            break
        guess = _mixed(values, residuals, config.ridge)
        if len(values) == config.memory:
            del values[0], residuals[0]
        value = function(guess)
        values.append(value)
        residuals.append(value - guess)
        evaluations += 1
    return value, evaluations


def _mixed(values: list[Tensor], residuals: list[Tensor], ridge: float) -> Tensor:
    """The combination of values, weights summing to one, whose combined residual is smallest."""
    if len(values) == 1:
        return values[0]
    weights = _weights(residuals, ridge)  # (N, memory)
    shape = (-1,) + (1,) * (values[0].ndim - 1)
    mixed = weights[:, 0].reshape(shape) * values[0]
    for index, value in enumerate(values[1:], start=1):
        mixed.addcmul_(weights[:, index].reshape(shape), value)
    return mixed


def _weights(residuals: list[Tensor], ridge: float) -> Tensor:
    """Least-squares weights (N, memory): solve (G G^T + ridge I) a = 1, scaled to sum to one."""
    count, samples = len(residuals), residuals[0].shape[0]
    gram = residuals[0].new_empty(samples, count, count)
    for row in range(count):
        for column in range(row + 1):
            product = (residuals[row] * residuals[column]).flatten(1).sum(dim=1)
            gram[:, row, column] = gram[:, column, row] = product
    gram = gram + ridge * torch.eye(count, dtype=gram.dtype, device=gram.device)
    weights = torch.linalg.solve(gram, gram.new_ones(samples, count))
    return weights / weights.sum(dim=1, keepdim=True)
