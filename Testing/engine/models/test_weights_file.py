"""Weights in our form: what they say of their network, and what is refused."""

import hashlib

import pytest
import torch

from sitreg_engine.errors import InputError
from sitreg_engine.models.safetensors_file import read_tensors, write_tensors
from sitreg_engine.models.snet.network import SNet
from sitreg_engine.models.weights_file import load_network, save_network, weights_hash

SMALL = {"encoder": [2], "decoder": [2], "final": [2], "antisymmetric": False}


@pytest.fixture
def saved(tmp_path):
    torch.manual_seed(0)
    network = SNet.from_table(SMALL)
    save_network(network, tmp_path / "weights.safetensors")
    return network, tmp_path / "weights.safetensors"


def test_a_network_comes_back_as_it_was_and_ready_for_inference(saved):
    network, path = saved
    found = load_network(SNet, path)
    assert found.table() == network.table()
    assert all(torch.equal(value, network.state_dict()[name]) for name, value in found.state_dict().items())
    assert not found.training
    assert not any(parameter.requires_grad for parameter in found.parameters())


def test_the_hash_is_that_of_the_file(saved):
    assert weights_hash(saved[1]) == hashlib.sha256(saved[1].read_bytes()).hexdigest()


@pytest.mark.parametrize("said", [{}, {"architecture": "no JSON"}, {"architecture": "[]"}, {"architecture": "3"}])
def test_weights_that_do_not_say_what_they_are_of_are_refused(saved, said):
    _, path = saved
    write_tensors(path, read_tensors(path)[0], said)
    with pytest.raises(InputError, match="do not say which network"):
        load_network(SNet, path)


def test_weights_of_another_size_are_refused(saved):
    _, path = saved
    tensors, metadata = read_tensors(path)
    name = next(name for name, value in tensors.items() if value.dim() > 1)
    write_tensors(path, {**tensors, name: tensors[name][:1]}, metadata)
    with pytest.raises(InputError, match="do not fit the network"):
        load_network(SNet, path)


def test_weights_that_are_not_finite_are_refused(saved):
    _, path = saved
    tensors, metadata = read_tensors(path)
    next(iter(tensors.values())).view(-1)[0] = torch.nan
    write_tensors(path, tensors, metadata)
    with pytest.raises(InputError, match="not finite"):
        load_network(SNet, path)
