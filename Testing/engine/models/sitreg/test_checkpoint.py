"""Reading and writing SITReg weights: the published code's names, new and old, and everything that can be wrong."""

import hashlib
import random

import numpy as np
import pytest
import torch

from sitreg_engine.errors import InputError
from sitreg_engine.models.sitreg.checkpoint import load_checkpoint, save_checkpoint
from sitreg_engine.models.sitreg.config import LUMIR, OASIS, SITRegConfig
from sitreg_engine.models.sitreg.names import SINCE_2024, UNTIL_2023
from sitreg_engine.models.sitreg.network import SITReg
from sitreg_engine.models.weights_file import weights_hash

CONFIGS = {
    "plain": SITRegConfig((4, 6, 8), (6, 4, 2), groups=2),
    "norms in updates": SITRegConfig((4, 8, 8), (6, 12, 12), groups=4, update_groups=2, in_channels=2),
    "other depths": SITRegConfig((4, 6), (4, 6), groups=2, convolutions=3, update_convolutions=1),
    "affine": SITRegConfig((4, 6, 6, 8), (4, 6), groups=2, affine=True),
}
OLD_CONFIGS = {
    "plain": SITRegConfig((4, 6, 8), (6, 4, 2), groups=2, norm_first=False, affine_chained=True),
    "affine": SITRegConfig((4, 6, 8), (4, 6), groups=2, norm_first=False, affine=True, affine_chained=True),
}
# As in section "Weights" of the published code: one name of every kind, new and old.
NEW_NAMES = {
    "extractor.projection.weight": "_feature_extractor.initial_projection.weight",
    "extractor.first.convolutions.1.bias": "_feature_extractor.initial_convs.convolutions.1.conv.bias",
    "extractor.first.norms.0.weight": "_feature_extractor.initial_convs.normalizers.0.weight",
    "extractor.coarser.2.strided.weight": "_feature_extractor.downsampling_blocks.2.downsampling.conv.weight",
    "extractor.coarser.2.skip.bias": "_feature_extractor.downsampling_blocks.2.projection.conv.bias",
    "extractor.coarser.0.block.convolutions.1.weight": (
        "_feature_extractor.downsampling_blocks.0.conv.convolutions.1.conv.weight"
    ),
    "extractor.coarser.0.block.norms.1.weight": "_feature_extractor.downsampling_blocks.0.conv.normalizers.1.weight",
    "updates.3.block.convolutions.0.weight": (
        "_not_none_dense_extration_networks.3.convolutions.convolutions.0.conv.weight"
    ),
    "updates.3.block.norms.0.bias": "_not_none_dense_extration_networks.3.convolutions.normalizers.0.bias",
    "updates.3.final.weight": "_not_none_dense_extration_networks.3.final_convolution.conv.weight",
    "affine.hidden_1.weight": "_affine_extraction_network.linears.0.weight",
    "affine.hidden_2.bias": "_affine_extraction_network.linears.1.bias",
    "affine.final.weight": "_affine_extraction_network.final_linear.weight",
}
OLD_NAMES = {
    "extractor.projection.weight": "_feature_extractor.initial_projection.weight",
    "extractor.first.convolutions.1.bias": "_feature_extractor.initial_conv.convolutions.1.bias",
    "extractor.first.norms.0.weight": "_feature_extractor.initial_conv.normalizer_modules.0.weight",
    "extractor.coarser.2.strided.weight": "_feature_extractor.downsampling_blocks.2.downsampling.weight",
    "extractor.coarser.2.skip.bias": "_feature_extractor.downsampling_blocks.2.projection.bias",
    "extractor.coarser.0.block.convolutions.1.weight": (
        "_feature_extractor.downsampling_blocks.0.double_conv.convolutions.1.weight"
    ),
    "extractor.coarser.0.block.norms.1.weight": (
        "_feature_extractor.downsampling_blocks.0.double_conv.normalizer_modules.1.weight"
    ),
    "updates.3.block.convolutions.0.weight": (
        "_not_none_dense_extration_networks.3._convolution_block.convolutions.0.weight"
    ),
    "updates.3.final.weight": "_not_none_dense_extration_networks.3._final_conv.weight",
    "affine.hidden_1.weight": "_affine_extraction_network._linear_1.weight",
    "affine.hidden_2.bias": "_affine_extraction_network._linear_2.bias",
    "affine.final.weight": "_affine_extraction_network._final_linear.weight",
}


@pytest.mark.parametrize("naming, names", [(SINCE_2024, NEW_NAMES), (UNTIL_2023, OLD_NAMES)], ids=["new", "old"])
def test_weights_are_called_as_in_the_published_code(naming, names):
    assert {name: naming.official(name) for name in names} == names


def _written(config: SITRegConfig, naming=SINCE_2024) -> dict[str, torch.Tensor]:
    """The named weights of a network, as the published code would hold them, with what is no weight among them."""
    torch.manual_seed(0)
    weights = {naming.official(name): tensor for name, tensor in SITReg(config).state_dict().items()}
    if naming is UNTIL_2023:
        weights["_not_none_dense_extration_networks.0._upsampler.upsampling_kernels.0"] = torch.ones(7)
    return weights | {"_image_coordinate_system._indicator": torch.empty(0)}


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_a_checkpoint_of_the_published_code_gives_its_network(config, tmp_path):
    path = tmp_path / "model_epoch_001.pt"
    torch.save({"registration_network": _written(config)}, path)
    network, inferred = load_checkpoint(path, config.groups, config.update_groups)
    assert inferred == config
    torch.manual_seed(0)
    _assert_equal_weights(network, SITReg(config))


@pytest.mark.parametrize("config", OLD_CONFIGS.values(), ids=OLD_CONFIGS)
def test_a_checkpoint_of_the_older_code_gives_its_network_in_the_older_order(config, tmp_path):
    path = tmp_path / "model_epoch_001.pt"
    torch.save({"registration_network": _written(config, UNTIL_2023)}, path)
    network, inferred = load_checkpoint(path, groups=2)
    assert inferred == config
    torch.manual_seed(0)
    _assert_equal_weights(network, SITReg(config))


def _assert_equal_weights(network: SITReg, expected: SITReg) -> None:
    state, wanted = network.state_dict(), expected.state_dict()
    assert state.keys() == wanted.keys()
    assert all(torch.equal(state[name], wanted[name]) for name in wanted)


@pytest.mark.parametrize("key", ["registration_network", "state_dict", "model_state_dict", None])
@pytest.mark.parametrize("prefix", ["", "module."])
def test_outer_keys_and_prefixes_do_not_matter(key, prefix, tmp_path):
    weights = {prefix + name: tensor for name, tensor in _written(CONFIGS["plain"]).items()}
    path = tmp_path / "weights.pth.tar"
    torch.save({key: weights, "epoch": 7} if key else weights, path)
    assert load_checkpoint(path, groups=2)[1] == CONFIGS["plain"]


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_written_checkpoints_are_read_back_without_being_told_the_groups(config, tmp_path):
    network = SITReg(config)
    save_checkpoint(network, tmp_path / "weights.pt")
    again, inferred = load_checkpoint(tmp_path / "weights.pt")
    assert inferred == config
    _assert_equal_weights(again, network)


def test_a_loaded_network_is_ready_for_inference(tmp_path):
    torch.save(_written(CONFIGS["plain"]), tmp_path / "weights.pt")
    network, _ = load_checkpoint(tmp_path / "weights.pt", groups=2)
    assert not network.training
    assert not any(parameter.requires_grad for parameter in network.parameters())


def test_half_precision_weights_are_read_as_float32(tmp_path):
    torch.save({name: tensor.half() for name, tensor in _written(CONFIGS["plain"]).items()}, tmp_path / "weights.pt")
    network, _ = load_checkpoint(tmp_path / "weights.pt", groups=2)
    assert {parameter.dtype for parameter in network.parameters()} == {torch.float32}


def test_the_groups_of_the_published_oasis_network_are_known(tmp_path):
    torch.save({"registration_network": _written(OASIS)}, tmp_path / "oasis.pt")
    assert load_checkpoint(tmp_path / "oasis.pt")[1] == OASIS
    assert load_checkpoint(tmp_path / "oasis.pt", groups=4)[1].groups == 4


def test_groups_that_could_be_either_are_asked_for(tmp_path):
    torch.save({"registration_network": _written(LUMIR)}, tmp_path / "lumir.pt")
    with pytest.raises(InputError, match="--groups"):
        load_checkpoint(tmp_path / "lumir.pt")
    assert load_checkpoint(tmp_path / "lumir.pt", groups=4)[1] == LUMIR
    assert load_checkpoint(tmp_path / "lumir.pt", groups=2, update_groups=4)[1].update_groups == 4


@pytest.mark.parametrize("groups", [0, 3, -2])
def test_groups_that_do_not_divide_the_channels_are_refused(groups, tmp_path):
    torch.save(_written(CONFIGS["plain"]), tmp_path / "weights.pt")
    with pytest.raises(InputError, match=f"got {groups}"):
        load_checkpoint(tmp_path / "weights.pt", groups)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"none\.pt"):
        load_checkpoint(tmp_path / "none.pt", 2)
    with pytest.raises(InputError, match="there is none"):
        load_checkpoint(tmp_path, 2)


def test_damaged_files_are_refused_wherever_they_are_cut(tmp_path):
    torch.save(_written(CONFIGS["plain"]), tmp_path / "whole.pt")
    whole = (tmp_path / "whole.pt").read_bytes()
    for length in (0, 1, 4, 100, 1000, len(whole) // 2, len(whole) - 1):
        (tmp_path / "cut.pt").write_bytes(whole[:length])
        with pytest.raises(InputError, match="could not be read"):
            load_checkpoint(tmp_path / "cut.pt", 2)


def test_files_of_another_kind_are_refused(tmp_path):
    path = tmp_path / "other.pt"
    random.seed(0)
    np.savez(tmp_path / "other.npz", a=np.ones(3))
    archive = (tmp_path / "other.npz").read_bytes()
    for content in (b"\x80\x02K\x01.", b"hello", "naïve\n".encode(), random.randbytes(5000), archive):
        path.write_bytes(content)
        with pytest.raises(InputError):
            load_checkpoint(path, 2)


def test_a_file_that_would_run_code_is_refused(tmp_path):
    torch.save({"registration_network": random.Random(0)}, tmp_path / "code.pt")
    with pytest.raises(InputError, match="could not be read"):
        load_checkpoint(tmp_path / "code.pt", 2)


@pytest.mark.parametrize("content", [{}, {"state_dict": {"encoder.weight": torch.ones(2)}}, {"epoch": 3}])
def test_weights_of_other_networks_are_refused(content, tmp_path):
    torch.save(content, tmp_path / "other.pt")
    with pytest.raises(InputError, match="should hold a SITReg network"):
        load_checkpoint(tmp_path / "other.pt", 2)


def test_a_file_without_names_is_refused(tmp_path):
    torch.save([torch.ones(2)], tmp_path / "list.pt")
    with pytest.raises(InputError, match="holds a list"):
        load_checkpoint(tmp_path / "list.pt", 2)


def test_missing_left_over_and_misshapen_weights_are_named(tmp_path):
    path, name = tmp_path / "weights.pt", "_feature_extractor.downsampling_blocks.1.projection.conv.bias"
    whole = _written(CONFIGS["plain"])
    for changed in (
        {key: tensor for key, tensor in whole.items() if key != name},
        whole | {name + "_more": torch.ones(1)},
        whole | {name: torch.ones(5)},
        whole | {name: torch.full((8,), float("nan"))},
    ):
        torch.save(changed, path)
        with pytest.raises(InputError, match=name.replace(".", r"\.")):
            load_checkpoint(path, 2)


def test_a_network_without_its_updates_is_refused(tmp_path):
    weights = {name: tensor for name, tensor in _written(CONFIGS["plain"]).items() if "extration" not in name}
    torch.save(weights, tmp_path / "weights.pt")
    with pytest.raises(InputError, match="whole layers are missing"):
        load_checkpoint(tmp_path / "weights.pt", 2)


def test_the_first_public_version_is_refused_because_its_mathematics_differ(tmp_path):
    weights = _written(OLD_CONFIGS["plain"], UNTIL_2023)
    weights["_not_none_dense_extration_networks.0._upsampler._upsampling_kernels.0"] = torch.ones(7)
    torch.save(weights, tmp_path / "weights.pt")
    with pytest.raises(InputError, match="2023-09"):
        load_checkpoint(tmp_path / "weights.pt", 2)


def test_the_hash_is_the_files_sha256(tmp_path):
    (tmp_path / "a").write_bytes(b"weights")
    assert weights_hash(tmp_path / "a") == hashlib.sha256(b"weights").hexdigest()
    with pytest.raises(FileNotFoundError):
        weights_hash(tmp_path / "b")
