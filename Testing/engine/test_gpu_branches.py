"""What a GPU would run, run on the CPU: torch's samplers and one part for all instead of tiles; devices kept apart."""

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from simulated_gpu import GPU, simulated_gpu

from sitreg_engine import mappings
from sitreg_engine.contract import Job
from sitreg_engine.models.sitreg import comparing, inversion
from sitreg_engine.models.sitreg.config import OASIS
from sitreg_engine.models.sitreg.network import SITReg
from sitreg_engine.progress import Reporter
from sitreg_engine.register import register


def forward_field(pair, folder, model: str, refine: str, device: str = "cpu") -> np.ndarray:
    """(K, J, I, 3) mm."""
    job = Job("test", pair.fixed, pair.moving, str(folder), model=model, refine=refine, device=device, format="nrrd")
    result = register(job, Reporter())
    assert result.device.startswith(device)
    return sitk.GetArrayFromImage(sitk.ReadImage(result.outputs["forward"]))


@pytest.mark.parametrize(
    ("model", "refine"),
    [("sitreg", "4"), ("brain-t1", "0"), ("brain-t1", "4"), ("brain-t1-snet", "0"), ("brain-t1-ddrnet", "0")],
)
def test_without_tiles_the_same_transforms_are_found(pair, tmp_path, monkeypatch, model, refine):
    expected = forward_field(pair, tmp_path / "tiles", model, refine)
    for module in (mappings, inversion, comparing):
        monkeypatch.setattr(module, "fits", lambda *_: False)
    found = forward_field(pair, tmp_path / "whole", model, refine)
    assert np.abs(expected).max() > 0.5
    assert np.abs(found - expected).max() < 0.1


JOBS = pytest.mark.parametrize(
    ("model", "refine"),
    [("sitreg", "4"), ("brain-t1", "0"), ("any-contrast", "4"), ("brain-t1-snet", "0"), ("brain-t1-ddrnet", "0")],
)


@JOBS
def test_a_job_on_a_gpu_finds_what_it_finds_on_the_cpu(pair, tmp_path, model, refine):
    expected = forward_field(pair, tmp_path / "cpu", model, refine)
    with simulated_gpu():
        found = forward_field(pair, tmp_path / "gpu", model, refine, "cuda")
    assert np.abs(expected).max() > 0.5
    assert np.abs(found - expected).max() < 0.3


@pytest.mark.gpu
@JOBS
def test_a_job_on_a_real_gpu_finds_what_it_finds_on_the_cpu(pair, tmp_path, model, refine):
    expected = forward_field(pair, tmp_path / "cpu", model, refine)
    found = forward_field(pair, tmp_path / "gpu", model, refine, "cuda")
    assert np.abs(found - expected).max() < 0.3


def test_an_optimised_network_works_on_a_gpu(pair, tmp_path):
    with simulated_gpu():
        found = forward_field(pair, tmp_path, "brain-t1-nephi", "2", "cuda")
    assert np.abs(found).max() > 0.5


def test_the_processor_waits_once_for_a_solver_that_has_an_easy_time(gpu):
    torch.manual_seed(0)
    network = SITReg(OASIS).requires_grad_(False).to(GPU).compute_blocks_in(torch.bfloat16)
    images = torch.rand(2, 1, 1, 32, 32, 32).to(GPU)
    before = gpu.waits
    network(*images)
    assert gpu.waits - before <= 2 * len(network.updates)  # two inverses on each level
