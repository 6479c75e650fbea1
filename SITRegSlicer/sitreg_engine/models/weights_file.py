"""A network's weights in our form: one safetensors file that also says how the network is built."""

import hashlib
import json
from pathlib import Path
from typing import Protocol, Self, TypeVar

from torch import Tensor

from sitreg_engine.errors import InputError

from .safetensors_file import read_tensors, write_tensors

_KEY = "architecture"  # of the file's metadata


class Network(Protocol):
    """A torch Module that can be built from, and described by, a table of plain values."""

    @classmethod
    def from_table(cls, table: dict) -> Self:
        """Raises InputError for a table that describes none."""
        ...

    def table(self) -> dict: ...

    def state_dict(self) -> dict[str, Tensor]: ...


N = TypeVar("N", bound=Network)


def save_network(network: Network, path: Path) -> None:
    """Weights and architecture as one safetensors file."""
    write_tensors(path, network.state_dict(), {"format": "pt", _KEY: json.dumps(network.table())})


def load_network(kind: type[N], path: Path) -> N:
    """The network of such a file, float32 on the CPU, ready for inference. Raises InputError."""
    tensors, metadata = read_tensors(path)
    network = kind.from_table(_table_in(metadata, path))
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        told = str(error).splitlines()[-1].strip()
        raise InputError(f"The weights in {path} do not fit the network that they name: {told}") from error
    if not all(bool(tensor.isfinite().all()) for tensor in tensors.values()):
        raise InputError(f"The weights in {path} hold values that are not finite.")
    return network.eval().requires_grad_(False)


def _table_in(metadata: dict[str, str], path: Path) -> dict:
    try:
        table = json.loads(metadata[_KEY])
    except (KeyError, json.JSONDecodeError):
        table = None
    if not isinstance(table, dict):
        raise InputError(f"The weights in {path} do not say which network they are of; export them anew.")
    return table


def weights_hash(path: Path) -> str:
    """SHA-256 of the file, hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
