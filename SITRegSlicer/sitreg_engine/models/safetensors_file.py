"""Named tensors in the safetensors format: a JSON header with types, shapes and places, then the raw numbers.

Slicer's Python has no safetensors package, and reading such a file can run no code, unlike a pickle. Layout: 8 bytes,
little endian, length of the header; the header; the data. (Format description: huggingface.co/docs/safetensors.)
"""

import json
import math
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from sitreg_engine.errors import InputError
from sitreg_engine.whole import written_whole

_METADATA = "__metadata__"
_MOST_HEADER = 100_000_000  # bytes; the format's own limit
_TYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}
_NAMES = {dtype: name for name, dtype in _TYPES.items()}


def write_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Write a file, whole or not at all; the same content always gives the same bytes."""
    header: dict[str, object] = {_METADATA: dict(metadata)}
    parts, place = [], 0
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        raw = tensor.reshape(-1).view(torch.uint8).numpy().tobytes() if tensor.numel() else b""
        header[name] = {
            "dtype": _NAMES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [place, place + len(raw)],
        }
        parts.append(raw)
        place += len(raw)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # the data begins at a multiple of 8
    with written_whole(path) as file:
        file.write_bytes(b"".join([len(text).to_bytes(8, "little"), text, *parts]))


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors on the CPU, and the metadata. Raises InputError for a file that is missing, damaged or another."""
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"Weights were expected at {path}, but they cannot be read: {error.strerror}.") from error
    try:
        length = int.from_bytes(content[:8], "little")
        if len(content) < 8 or not 2 <= length <= min(_MOST_HEADER, len(content) - 8):
            raise ValueError("its header has no sound length")
        header = json.loads(content[8 : 8 + length])
        metadata = header.pop(_METADATA, {})
        data = bytearray(content[8 + length :])
        tensors = {name: _tensor(name, entry, data) for name, entry in header.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"The weights in {path} are no sound safetensors file: {error}.") from error
    return tensors, {str(key): str(value) for key, value in metadata.items()}


def _tensor(name: str, entry: dict, data: bytearray) -> Tensor:
    dtype, shape = _TYPES[entry["dtype"]], tuple(entry["shape"])
    begin, end = entry["data_offsets"]
    size = math.prod(shape) * torch.empty(0, dtype=dtype).element_size()
    if not (0 <= begin <= end <= len(data)) or end - begin != size:
        raise ValueError(f"{name} should have {size} bytes, the file has {min(end, len(data)) - begin}")
    if size == 0:
        return torch.empty(shape, dtype=dtype)
    # Copied: the numbers of a tensor may lie at any byte of the file.
    return torch.frombuffer(bytearray(data[begin:end]), dtype=dtype).reshape(shape)
