"""The GPU that is made of the CPU refuses what a real one refuses, and computes what the CPU computes."""

import numpy as np
import pytest
import torch
from simulated_gpu import GPU, OnGpu

CPU = torch.device("cpu")


def test_tensors_are_there_until_they_are_fetched(gpu):
    sent, made = torch.arange(3.0).to(GPU), torch.tensor([1.0, 2.0, 3.0], device=GPU)
    assert sent.device == made.device == (sent + made).device == GPU
    assert sent.is_cuda and not (sent + made).cpu().is_cuda
    assert (sent + made).to(CPU).tolist() == [1, 3, 5]


def test_tensors_of_both_devices_in_one_operation_are_refused(gpu):
    there, here = torch.ones(3, device=GPU), torch.ones(3)
    for mixed in (lambda: there + here, lambda: here.add_(there), lambda: torch.cat([here, there])):
        with pytest.raises(RuntimeError, match="on the same device"):
            mixed()


def test_single_numbers_and_indices_may_come_from_the_cpu(gpu):
    there = torch.arange(4.0, device=GPU)
    assert (there * torch.tensor(2.0))[torch.tensor([3, 1])].cpu().tolist() == [6, 2]
    with pytest.raises(RuntimeError, match="on the same device"):
        torch.arange(4.0)[torch.tensor([0, 1], device=GPU)]


def test_numpy_gets_nothing_that_is_there(gpu):
    there = torch.ones(3, device=GPU)
    for look in (there.numpy, lambda: np.asarray(there)):
        with pytest.raises(RuntimeError):
            look()


def test_views_share_their_values(gpu):
    whole = torch.zeros(2, 3, device=GPU)
    whole[1:].add_(2)
    whole.T[0] = 5
    assert whole.cpu().tolist() == [[5, 0, 0], [5, 2, 2]]


def test_what_is_copied_between_devices_arrives(gpu):
    here, there = torch.zeros(2), torch.zeros(2, device=GPU)
    there.copy_(torch.tensor([1.0, 2.0]))
    assert here.copy_(there) is here and here.tolist() == [1, 2]


def test_gradients_are_those_of_the_cpu(gpu):
    torch.manual_seed(0)
    layer, image = torch.nn.Conv3d(1, 2, 3), torch.rand(1, 1, 5, 5, 5)
    layer(image).square().sum().backward()
    expected = layer.weight.grad
    layer.zero_grad()
    layer.to(GPU)(image.to(GPU)).square().sum().backward()
    assert isinstance(layer.weight.grad, OnGpu)
    assert torch.equal(layer.weight.grad.cpu(), expected)


def test_it_is_counted_how_often_the_processor_waits(gpu):
    there = torch.rand(100, device=GPU)
    (there * 2).sqrt().sum()
    assert gpu.waits == 0
    float(there.sum())
    there.cpu()
    there[there > 0.5]
    assert gpu.waits == 3
