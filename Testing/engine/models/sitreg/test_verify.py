"""Our network against stored results of the published code."""

import math

import numpy as np
import pytest
import torch

from sitreg_engine.errors import InputError
from sitreg_engine.models.sitreg.checkpoint import save_checkpoint
from sitreg_engine.models.sitreg.config import SITRegConfig
from sitreg_engine.models.sitreg.network import SITReg
from sitreg_engine.models.sitreg.verify import Verification, default_tolerance, verify

CONFIG = SITRegConfig((4, 6), (4, 6), groups=2)


def test_the_published_oasis_architecture_is_met(oracles):
    result = verify(oracles / "oasis_model_epoch_000.pt", oracles / "oasis_40x48x56.npz", groups=2)
    assert result.tolerance == 2e-4
    assert result.passed
    assert "features 8,40,40,40" in result.architecture


def test_the_lumir_architecture_is_met(oracles):
    result = verify(oracles / "lumir_narrow_model_epoch_000.pt", oracles / "lumir_narrow_64x48x65.npz", groups=4)
    assert result.tolerance == 2e-2
    assert result.passed
    assert "in updates 4" in result.architecture


def test_the_wrong_number_of_groups_is_noticed(oracles):
    result = verify(oracles / "oasis_model_epoch_000.pt", oracles / "oasis_40x48x56.npz", groups=4)
    assert not result.passed


@pytest.fixture
def pair(tmp_path):
    """A checkpoint, and what its network gives for a pair of images."""
    torch.manual_seed(0)
    network = SITReg(CONFIG).eval()
    save_checkpoint(network, tmp_path / "weights.pt")
    images = torch.rand(1, 1, 8, 9, 10), torch.rand(1, 1, 8, 9, 10)
    with torch.inference_mode():
        result = network(*images)
    arrays = dict(zip(("image_1", "image_2"), (image[0, 0].numpy() for image in images), strict=True))
    arrays |= {"f12": result.f12[0].numpy(), "f21": result.f21[0].numpy()}
    np.savez(tmp_path / "pair.npz", **arrays)
    return tmp_path / "weights.pt", tmp_path / "pair.npz", arrays


def test_the_networks_own_results_do_not_differ(pair):
    weights, path, _ = pair
    result = verify(weights, path, tolerance=0.0)
    assert (result.difference_12, result.difference_21) == (0.0, 0.0)
    assert result.passed


def test_each_direction_is_compared(pair):
    weights, path, arrays = pair
    arrays["f21"][2, 3, 4, 5] += 0.5
    np.savez(path, **arrays)
    result = verify(weights, path)
    assert result.difference_12 == 0
    assert result.difference_21 == pytest.approx(0.5, abs=1e-5)
    assert not result.passed
    assert verify(weights, path, tolerance=0.6).passed


def test_stored_values_that_are_not_finite_do_not_pass(pair):
    weights, path, arrays = pair
    arrays["f12"][0, 0, 0, 0] = math.nan
    np.savez(path, **arrays)
    assert not verify(weights, path, tolerance=1e9).passed


def test_a_nan_never_passes():
    assert not Verification(math.nan, 0.0, 1.0, "").passed
    assert not Verification(0.0, math.nan, 1.0, "").passed


def test_group_norm_in_the_updates_widens_the_tolerance():
    assert default_tolerance(CONFIG) == 2e-4
    assert default_tolerance(SITRegConfig((4, 6), (4, 6), groups=2, update_groups=2)) == 2e-2


@pytest.mark.parametrize("name", ["image_1", "image_2", "f12", "f21"])
def test_a_pair_without_one_of_its_arrays_is_refused(name, pair):
    weights, path, arrays = pair
    np.savez(path, **{key: array for key, array in arrays.items() if key != name})
    with pytest.raises(InputError, match="image_1, image_2, f12, f21"):
        verify(weights, path)


@pytest.mark.parametrize("name", ["image_1", "image_2", "f12", "f21"])
def test_a_pair_of_other_shapes_is_refused(name, pair):
    weights, path, arrays = pair
    np.savez(path, **(arrays | {name: arrays[name][..., :-1]}))
    with pytest.raises(InputError, match="of one grid were expected"):
        verify(weights, path)


def test_a_pair_file_that_is_none_is_refused(pair, tmp_path):
    weights, _, _ = pair
    (tmp_path / "text.npz").write_text("no arrays")
    np.save(tmp_path / "single.npy", np.ones(3))
    for name in ("text.npz", "single.npy", "missing.npz"):
        with pytest.raises(InputError, match=name):
            verify(weights, tmp_path / name)


def test_images_of_more_channels_than_one_network_takes_are_refused(pair, tmp_path):
    _, path, _ = pair
    save_checkpoint(SITReg(SITRegConfig((4, 6), (4, 6), groups=2, in_channels=2)), tmp_path / "two.pt")
    with pytest.raises(InputError, match="2 channels"):
        verify(tmp_path / "two.pt", path)
