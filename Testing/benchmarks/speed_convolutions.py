"""The convolutions of a network by themselves: what no code around them can be faster than."""

from dataclasses import dataclass

import torch
from speed_process import cost_of
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode


@dataclass(frozen=True)
class Like:
    """A tensor without its values."""

    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: torch.dtype
    device: torch.device

    @classmethod
    def of(cls, tensor: Tensor) -> "Like":
        return cls(tuple(tensor.shape), tensor.stride(), tensor.dtype, tensor.device)

    def filled(self) -> Tensor:
        empty = torch.empty_strided(self.shape, self.strides, dtype=self.dtype, device=self.device)
        return empty.uniform_(-1, 1)


@dataclass(frozen=True)
class Convolution:
    """One call of torch's convolution."""

    image: Like
    weight: Like
    bias: Like | None
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]

    @property
    def multiplications(self) -> int:
        """Multiply-accumulates."""
        sizes = zip(self.image.shape[2:], self.weight.shape[2:], self.stride, self.padding, strict=True)
        voxels = [(n + 2 * p - k) // s + 1 for n, k, s, p in sizes]
        return int(torch.tensor([self.image.shape[0], *voxels, *self.weight.shape]).prod())


class Recorder(TorchDispatchMode):
    """Notes every 3-D convolution that runs within it, whoever calls it: layers and functions alike.

    SITReg's 1x1x1 ones are matrix products, and are not among them.
    """

    def __init__(self):
        super().__init__()
        self.convolutions: list[Convolution] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func is torch.ops.aten.conv3d.default:
            with self:  # what comes in inference mode; it is made of the one below
                return func.decompose(*args, **(kwargs or {}))
        if func is torch.ops.aten.convolution.default and args[1].ndim == 5 and not args[6]:
            self.convolutions.append(_noted(*args[:6]))
        return func(*args, **(kwargs or {}))


def _noted(image: Tensor, weight: Tensor, bias: Tensor | None, *options: list[int]) -> Convolution:
    likes = Like.of(image), Like.of(weight), None if bias is None else Like.of(bias)
    return Convolution(*likes, *map(tuple, options))


@torch.inference_mode()
def seconds_alone(convolutions: list[Convolution], device: str) -> tuple[float, float]:
    """(CPU seconds, wall seconds) of all of them one after the other, on tensors of the same shapes and layouts.

    Raises ValueError when there is none.
    """
    if not convolutions:
        raise ValueError("Convolutions were expected, but none was recorded.")
    costs = [_alone(convolution, device) for convolution in convolutions]
    return sum(cost.cpu_seconds for cost in costs), sum(cost.wall_seconds for cost in costs)


def _alone(convolution: Convolution, device: str):
    image, weight = convolution.image.filled(), convolution.weight.filled()
    bias = convolution.bias and convolution.bias.filled()
    options = convolution.stride, convolution.padding, convolution.dilation
    if device != "cpu":
        torch.conv3d(image, weight, bias, *options)  # the first call chooses an algorithm
    return cost_of(lambda: torch.conv3d(image, weight, bias, *options), device)[1]
