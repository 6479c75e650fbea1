"""Adam for the one tensor that a round optimises (Kingma & Ba, ICLR 2015).

The same numbers as torch.optim.Adam, whose first use in a process loads torch's compiler: 1.7 s, as long as the whole
optimisation of a small organ takes.
"""

import math

import torch
from torch import Tensor

_LEAST = 1e-8  # added to the root of the mean square of the gradient


class Adam:
    """`parameter`, of any shape, is changed in place by every step along its `.grad`."""

    def __init__(self, parameter: Tensor, rate: float, betas: tuple[float, float] = (0.9, 0.999)):
        if not rate > 0 or not all(0 <= beta < 1 for beta in betas):
            raise ValueError(f"A rate above 0 and betas from 0 to below 1 were expected, got {rate} and {betas}.")
        self._parameter, self._rate, self._betas = parameter, rate, betas
        self._mean, self._square = torch.zeros_like(parameter), torch.zeros_like(parameter)
        self._steps = 0

    @torch.no_grad()
    def step(self) -> None:
        """One step; the gradient is then forgotten. Raises ValueError where there is none."""
        gradient, self._parameter.grad = self._parameter.grad, None
        if gradient is None:
            raise ValueError("A gradient was expected, the parameter has none: call backward() before every step.")
        self._steps += 1
        first, second = self._betas
        self._mean.lerp_(gradient, 1 - first)
        self._square.mul_(second).addcmul_(gradient, gradient, value=1 - second)
        root = (self._square.sqrt() / math.sqrt(1 - second**self._steps)).add_(_LEAST)
        self._parameter.addcdiv_(self._mean, root, value=-self._rate / (1 - first**self._steps))
