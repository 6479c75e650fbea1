"""Weights files: what the reference implementation writes can be read, and the other way round."""

import json

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from sitreg_engine.errors import InputError
from sitreg_engine.models.safetensors_file import read_tensors, write_tensors

TENSORS = {
    "a.weight": torch.arange(24, dtype=torch.float32).reshape(2, 3, 4) / 7,
    "half": torch.tensor([1.5, -2.0], dtype=torch.float16),
    "brain": torch.tensor([[0.1, 3e30]], dtype=torch.bfloat16),
    "double": torch.tensor(1 / 3, dtype=torch.float64),
    "count": torch.tensor([1, -2, 3]),
    "flag": torch.tensor([True, False]),
    "nothing": torch.empty(0, 3),
}


def same(found: dict, expected: dict) -> bool:
    return found.keys() == expected.keys() and all(
        found[name].dtype == tensor.dtype and torch.equal(found[name], tensor) for name, tensor in expected.items()
    )


def test_the_reference_implementation_reads_our_files(tmp_path):
    write_tensors(tmp_path / "m.safetensors", TENSORS, {"made by": "us"})
    assert same(load_file(tmp_path / "m.safetensors"), TENSORS)
    with safe_open(tmp_path / "m.safetensors", "pt") as file:
        assert file.metadata() == {"made by": "us"}


def test_files_of_the_reference_implementation_are_read(tmp_path):
    save_file(TENSORS, tmp_path / "m.safetensors", {"made by": "them"})
    tensors, metadata = read_tensors(tmp_path / "m.safetensors")
    assert same(tensors, TENSORS)
    assert metadata == {"made by": "them"}


def test_the_order_in_memory_does_not_matter(tmp_path):
    weight = torch.randn(2, 3, 4, 5, 6, generator=torch.Generator().manual_seed(0))
    for name, tensor in (("a", weight), ("b", weight.to(memory_format=torch.channels_last_3d))):
        write_tensors(tmp_path / name, {"w": tensor}, {})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_tensors_that_are_read_can_be_changed(tmp_path):
    write_tensors(tmp_path / "m", {"w": torch.zeros(3), "v": torch.zeros(3)}, {})
    tensors, _ = read_tensors(tmp_path / "m")
    tensors["w"].add_(1)
    assert not tensors["v"].any()


def damaged(content: bytes) -> dict[str, bytes]:
    """The same file in states that no reader should accept."""
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])

    def with_entry(**changes) -> bytes:
        text = json.dumps({"w": {**header["w"], **changes}}).encode()
        return len(text).to_bytes(8, "little") + text + content[8 + length :]

    return {
        "empty": b"",
        "cut off": content[:-4],
        "cut in the header": content[:20],
        "a header beyond the file": (10**6).to_bytes(8, "little") + content[8:],
        "no JSON": (8).to_bytes(8, "little") + b"nonsense" + content,
        "a list": (2).to_bytes(8, "little") + b"[]" + content,
        "a negative place": with_entry(data_offsets=[-12, 0]),
        "another shape": with_entry(shape=[4]),
        "an unknown type": with_entry(dtype="F8"),
        "no place": json.dumps({"w": {}}).encode().join([(9).to_bytes(8, "little"), b""]),
    }


@pytest.mark.parametrize(
    "how", damaged(b'\x41\0\0\0\0\0\0\0{"w":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}}' + b" " * 13)
)
def test_a_damaged_file_is_refused(tmp_path, how):
    write_tensors(tmp_path / "m", {"w": torch.zeros(3)}, {})
    (tmp_path / "m").write_bytes(damaged((tmp_path / "m").read_bytes())[how])
    with pytest.raises(InputError, match="no sound safetensors file"):
        read_tensors(tmp_path / "m")


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_tensors(tmp_path / "none.safetensors")
