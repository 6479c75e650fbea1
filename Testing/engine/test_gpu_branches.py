"""What a GPU would run instead of the tiles of a CPU, run on the CPU: torch's own samplers, and one part for all."""

import numpy as np
import pytest
import SimpleITK as sitk

from sitreg_engine import mappings
from sitreg_engine.contract import Job
from sitreg_engine.models.sitreg import comparing, inversion
from sitreg_engine.progress import Reporter
from sitreg_engine.register import register


def forward_field(pair, folder, model: str, refine: str) -> np.ndarray:
    """(K, J, I, 3) mm."""
    job = Job("test", pair.fixed, pair.moving, str(folder), model=model, refine=refine, device="cpu", format="nrrd")
    return sitk.GetArrayFromImage(sitk.ReadImage(register(job, Reporter()).outputs["forward"]))


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
