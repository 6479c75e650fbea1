"""Weights to begin with: of another run, or of a network that grows a finer level without forgetting."""

import pytest
import torch
import torch.nn.functional as F

from sitreg_engine.errors import InputError
from sitreg_engine.models.sitreg.network import SITReg
from sitreg_engine.models.weights_file import save_network
from sitreg_engine.training.networks import build_network
from sitreg_engine.training.settings import OptimiserSettings, StartSettings
from sitreg_engine.training.start import grown, initialise
from sitreg_engine.training.state import Reached, new_state, save_state

COARSE = {"features": [4, 6, 6], "update_features": [6, 8, 8], "groups": 2}
FINE = {"features": [2, 4, 6, 6], "update_features": [4, 6, 8, 8], "groups": 2}


def network(table: dict, seed: int = 1, loud: float = 1.0) -> SITReg:
    found = build_network("sitreg", table, seed)
    with torch.no_grad():
        for update in found.updates:
            update.final.weight.mul_(loud)  # fields of a voxel and more
    return found


def saved(found: SITReg, path) -> str:
    save_state(new_state(found, OptimiserSettings()), Reached(), {"network": {}}, path)
    return str(path)


def images() -> tuple[torch.Tensor, torch.Tensor]:
    few = torch.randn(2, 1, 1, 6, 6, 6, generator=torch.Generator().manual_seed(0))
    return tuple(F.interpolate(x, size=(32, 32, 32), mode="trilinear", align_corners=True) for x in few)


@pytest.mark.parametrize("kind", ["checkpoint", "model"])
def test_a_run_goes_on_from_a_checkpoint_or_a_model(tmp_path, kind):
    given, begun = network(COARSE, loud=3), network(COARSE, seed=2)
    path = tmp_path / ("model.safetensors" if kind == "model" else "last.pt")
    save_network(given, path) if kind == "model" else saved(given, path)
    initialise(begun, StartSettings(weights=str(path)))
    expected = given.state_dict()
    assert all(torch.equal(tensor, expected[name]) for name, tensor in begun.state_dict().items())


def test_a_model_of_another_network_is_refused(tmp_path):
    save_network(network(COARSE), tmp_path / "model.safetensors")
    with pytest.raises(InputError, match="of another network"):
        initialise(network(FINE), StartSettings(weights=str(tmp_path / "model.safetensors")))


def test_a_grown_network_does_at_first_what_the_coarse_one_does_on_averaged_images():
    coarse, fine = network(COARSE, loud=5), network(FINE, seed=2)
    fine.load_state_dict(grown(fine, coarse.state_dict(), "there"))
    one, two = images()
    with torch.no_grad():
        small = coarse(F.avg_pool3d(one, 2), F.avg_pool3d(two, 2), keep_levels=True)
        large = fine(one, two, keep_levels=True)
    # The same control values at the coarsest level, where nothing has been warped yet; those of the finest are zero.
    ratio = fine.updates[3].limit / coarse.updates[2].limit  # the bounds of the two scales differ by a hair
    assert torch.allclose(large.levels[0].control_12, ratio * small.levels[0].control_12, atol=1e-5)
    assert not large.levels[-1].control_12.any()
    expected = 2 * F.interpolate(small.f12, scale_factor=2, mode="trilinear", align_corners=False)
    assert float(expected.abs().max()) > 2.0  # voxels
    # Splines of the double scale, and sampling on a finer grid, are not quite the same.
    assert float((large.f12 - expected).abs().mean()) < 0.2 * float(expected.abs().mean())
    assert float(torch.corrcoef(torch.stack([large.f12.flatten(), expected.flatten()]))[0, 1]) > 0.97


def test_everything_that_began_at_zero_can_learn():
    fine = network(FINE)
    fine.load_state_dict(grown(fine, network(COARSE, loud=20).state_dict(), "there"))
    found = fine(*images())
    (found.f12[:, 0].mean() + (found.f21**2).mean()).backward()
    for name in ("extractor.coarser.0.strided.weight", "updates.0.final.weight", "extractor.coarser.0.skip.weight"):
        assert float(dict(fine.named_parameters())[name].grad.abs().max()) > 0


def test_a_run_can_begin_with_the_weights_of_another(tmp_path):
    first, second = network(COARSE, 1), network(COARSE, 2)
    initialise(second, StartSettings(weights=saved(first, tmp_path / "last.pt")))
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


def test_nothing_to_begin_with_leaves_the_network(tmp_path):
    first, second = network(COARSE, 1), network(COARSE, 1)
    initialise(second, StartSettings())
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


def test_weights_of_another_network_are_refused(tmp_path):
    path = saved(network(COARSE), tmp_path / "last.pt")
    with pytest.raises(InputError, match="of another network"):
        initialise(network(FINE), StartSettings(weights=path))
    with pytest.raises(InputError, match="cannot grow"):
        initialise(network(COARSE), StartSettings(grown_from=path))


def test_only_a_sitreg_grows():
    with pytest.raises(InputError, match="Only a SITReg"):
        grown(torch.nn.Linear(2, 2), {}, "there")


def test_a_missing_checkpoint_is_refused(tmp_path):
    with pytest.raises(InputError, match="was expected at"):
        initialise(network(COARSE), StartSettings(weights=str(tmp_path / "none.pt")))
    (tmp_path / "bad.pt").write_bytes(b"nothing")
    with pytest.raises(InputError, match="could not be read"):
        initialise(network(COARSE), StartSettings(weights=str(tmp_path / "bad.pt")))
