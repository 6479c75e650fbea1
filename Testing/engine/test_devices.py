"""Which device a job runs on."""

import pytest
import torch

from sitreg_engine.devices import available_devices, choose_device
from sitreg_engine.errors import InputError


def test_the_cpu_comes_first_and_then_every_gpu():
    devices = available_devices()
    assert devices[0] == "cpu"
    assert len(devices) == 1 + (torch.cuda.device_count() if torch.cuda.is_available() else 0)


@pytest.mark.parametrize("name", available_devices())
def test_a_device_that_is_there_is_taken(name):
    assert str(choose_device(name)) == name


def test_automatic_is_a_gpu_where_there_is_one():
    assert str(choose_device("auto")) == available_devices()[:2][-1]


@pytest.mark.parametrize("name", ["", "gpu", "CPU", "cuda:99", "cuda:-1", "cuda:x", "tpu", "cuda:00"])
def test_a_device_that_is_not_there_is_refused_with_those_that_are(name):
    with pytest.raises(InputError, match="cpu"):
        choose_device(name)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_gpu_asked_for_is_never_replaced_in_silence():
    with pytest.raises(InputError, match="not 'cuda'"):
        choose_device("cuda")


@pytest.mark.gpu
def test_cuda_is_the_first_gpu():
    assert str(choose_device("cuda")) == "cuda:0"
