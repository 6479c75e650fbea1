"""A GPU made of the CPU: tensors that say they are on cuda:0, and refuse what those of a GPU refuse.

The CPU's kernels compute, so that it says nothing of speed, rounding, memory or CUDA's own limits. What it finds are
tensors of both devices in one operation, tensors that numpy looks at before they have left the GPU, and how often the
processor has to wait for it.
"""

import contextlib
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor
from torch.autograd.grad_mode import inference_mode
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing
from torch.utils._pytree import tree_leaves, tree_map_only

GPU = torch.device("cuda:0")
_OPS = torch.ops.aten
_COPY, _MOVE, _SAME_KIND = _OPS.copy_.default, _OPS._to_copy.default, _OPS._has_compatible_shallow_copy_type.default
_INDEXING = (_OPS.index.Tensor, _OPS.index_put_.default, _OPS._index_put_impl_.default)
_WAITING = (_OPS._local_scalar_dense.default, _OPS.nonzero.default, _OPS.masked_select.default)


class OnGpu(Tensor):
    """A tensor of the CPU that says it is one of the GPU."""

    __torch_function__ = torch._C._disabled_torch_function_impl
    device = property(lambda _: GPU)
    is_cuda, is_meta = property(lambda _: True), property(lambda _: False)

    @staticmethod
    def __new__(cls, held: Tensor) -> "OnGpu":
        # To torch's own parts it is on "meta": a torch without CUDA cannot differentiate what is on cuda:0.
        place = {"strides": held.stride(), "storage_offset": held.storage_offset(), "device": "meta"}
        return Tensor._make_wrapper_subclass(cls, held.shape, dtype=held.dtype, **place)

    def __init__(self, held: Tensor):
        self.held = held

    def __repr__(self, **_: object) -> str:
        return f"OnGpu({self.held!r})"

    def __reduce_ex__(self, protocol: int) -> tuple:
        """Files are read onto the CPU (map_location) wherever they come from."""
        return self.held.__reduce_ex__(protocol)

    @classmethod
    def __torch_dispatch__(cls, operation, types, args=(), kwargs=None):
        return _run(operation, args, kwargs or {})


class SimulatedGpu(TorchDispatchMode):
    """Sees what is made on the GPU out of nothing, or of tensors of the CPU."""

    def __init__(self):
        super().__init__()
        self.waits = 0  # of the processor, for a value or a tensor that comes from the GPU

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        found = _run(operation, args, kwargs or {})
        given = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, OnGpu)]
        if operation in (_MOVE, _COPY):
            self.waits += bool(given) and not isinstance(found, OnGpu)
        elif operation in _INDEXING:
            self.waits += any(tensor.dtype == torch.bool for tensor in given[1:])  # how many does it choose?
        else:
            self.waits += bool(given) and operation in _WAITING
        return found


@contextlib.contextmanager
def simulated_gpu() -> Iterator[SimulatedGpu]:
    """Meanwhile torch has one GPU, cuda:0, that computes in bfloat16."""
    card = {
        "is_available": lambda: True,
        "device_count": lambda: 1,
        "get_device_capability": lambda _=None: (8, 6),
        "empty_cache": lambda: None,
        "set_device": lambda _: None,
        "_lazy_init": lambda: None,
    }
    with (
        patch.multiple(torch.cuda, **card),
        patch.multiple(inference_mode, __enter__=_without_gradients, __exit__=_gradients_as_before),
        # A module's parameters are replaced when it goes to the GPU, not changed where they are.
        patch.object(torch.__future__, "_overwrite_module_params_on_conversion", True),
        _tensors_begin_on_the_cpu(),
        SimulatedGpu() as gpu,
    ):
        yield gpu


def _run(operation: Any, args: tuple, kwargs: dict) -> Any:
    """The operation on what the tensors hold; its result is on the GPU if they are, unless it is sent to the CPU."""
    if operation is _SAME_KIND:
        return False
    tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
    any_there = any(isinstance(tensor, OnGpu) for tensor in tensors)
    wanted = torch.device(kwargs.get("device") or (GPU if any_there else "cpu"))
    if not any_there and wanted.type == "cpu":
        return operation(*args, **kwargs)
    if any_there and operation not in (_COPY, _MOVE):
        _refuse_mixing(operation, args, tensors)
    inner, options = tree_map_only(OnGpu, lambda tensor: tensor.held, (args, kwargs))
    if "device" in options:
        options = {**options, "device": torch.device("cpu")}
    with torch.no_grad():
        found = operation(*inner, **options)
        if operation is _COPY and not isinstance(args[0], OnGpu):
            return args[0]
        if wanted.type == "cpu":
            return found.clone() if any(found is tensor for tensor in tree_leaves(inner)) else found
        wrapped = tree_map_only(Tensor, OnGpu, found)
        return return_and_correct_aliasing(operation, args, kwargs, wrapped) if any_there else wrapped


def _refuse_mixing(operation: Any, args: tuple, tensors: list[Tensor]) -> None:
    """As CUDA does. Single numbers may come from the CPU, and so may the indices of a tensor that is on the GPU."""
    elsewhere = [tensor for tensor in tensors if not isinstance(tensor, OnGpu) and tensor.ndim > 0]
    if operation in _INDEXING and isinstance(args[0], OnGpu):
        elsewhere = [tensor for tensor in elsewhere if tensor.dtype.is_floating_point]
    if elsewhere:
        shapes = ", ".join(str(tuple(tensor.shape)) for tensor in elsewhere)
        raise RuntimeError(f"Expected all tensors to be on the same device: {operation} got {shapes} on the CPU.")


@contextlib.contextmanager
def _tensors_begin_on_the_cpu() -> Iterator[None]:
    """torch.tensor(..., device=GPU) fills it on the CPU and moves it then, where that can be seen."""
    before = torch._C._only_lift_cpu_tensors()
    torch._C._set_only_lift_cpu_tensors(True)
    try:
        yield
    finally:
        torch._C._set_only_lift_cpu_tensors(before)


def _without_gradients(mode: inference_mode) -> None:
    """Instead of inference mode, in which torch would hand over whole functions instead of the operations in them."""
    mode.before = torch.is_grad_enabled()
    torch.set_grad_enabled(mode.before and not mode.mode)


def _gradients_as_before(mode: inference_mode, *_: object) -> None:
    torch.set_grad_enabled(mode.before)
