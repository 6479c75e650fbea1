"""Published checkpoints as models of ours: the same network, and a card that says where it is from."""

import dataclasses

import pytest
import torch

from sitreg_engine.cli import main
from sitreg_engine.errors import InputError
from sitreg_engine.models import load_from
from sitreg_engine.models.placing import place
from sitreg_engine.models.sitreg.architecture import config_of, table_of
from sitreg_engine.models.sitreg.checkpoint import save_checkpoint
from sitreg_engine.models.sitreg.config import LUMIR, OASIS, SITRegConfig
from sitreg_engine.models.sitreg.importing import import_checkpoint
from sitreg_engine.models.sitreg.names import UNTIL_2023
from sitreg_engine.models.sitreg.network import SITReg
from sitreg_engine.models.sitreg.published import PUBLISHED
from sitreg_engine.models.weights_file import load_network, save_network

CPU = torch.device("cpu")
SMALL = SITRegConfig((8, 40), (4, 4), groups=2)
OLD = SITRegConfig((8, 40), (4, 4), groups=2, norm_first=False, affine_chained=True)


def without_groups(network: SITReg, path, naming=None) -> None:
    """As the published code writes it."""
    if naming is None:
        save_checkpoint(network, path)
        weights = torch.load(path)["registration_network"]
    else:
        weights = {naming.official(name): tensor for name, tensor in network.state_dict().items()}
    torch.save({"registration_network": weights}, path)


def images() -> tuple[torch.Tensor, torch.Tensor]:
    return tuple(torch.rand(2, 1, 1, 16, 16, 16, generator=torch.Generator().manual_seed(1)))


@pytest.mark.parametrize(("config", "naming"), [(SMALL, None), (OLD, UNTIL_2023)], ids=["since 2024", "until 2023"])
def test_an_imported_checkpoint_predicts_what_it_did(tmp_path, config, naming):
    network = SITReg(config).eval()
    without_groups(network, tmp_path / "model.pt", naming)
    imported, card = import_checkpoint(tmp_path / "model.pt", "oasis", "mine", None, None)
    place(imported, card, tmp_path / "mine")
    model = load_from(tmp_path / "mine")
    one, two = images()
    with torch.no_grad():
        expected, found = network(one, two).f12, model.network(one, two).f12
    assert torch.equal(found, expected)
    assert model.network.config.norm_first == config.norm_first
    assert model.info.card.architecture == table_of(imported.config)
    assert model.info.weights_sha256 == model.info.card.sha256


def test_the_configuration_says_the_groups_that_the_file_does_not(tmp_path):
    narrow = SITRegConfig((12, 32), (12, 16), groups=4, update_groups=4)
    without_groups(SITReg(narrow), tmp_path / "model.pt")
    assert import_checkpoint(tmp_path / "model.pt", "lumir", "m", None, None)[0].config.groups == 4
    assert import_checkpoint(tmp_path / "model.pt", "nlst", "m", None, None)[0].config.groups == 2
    given = import_checkpoint(tmp_path / "model.pt", "lumir", "m", 2, 1)[0].config
    assert (given.groups, given.update_groups) == (2, 1)


def test_without_a_configuration_the_groups_are_asked_for(tmp_path):
    without_groups(SITReg(SITRegConfig((12, 32), (12, 16), groups=4, update_groups=4)), tmp_path / "model.pt")
    with pytest.raises(InputError, match="give --groups"):
        import_checkpoint(tmp_path / "model.pt", "", "m", None, None)
    network, card = import_checkpoint(tmp_path / "model.pt", "", "m", 4, None)
    assert network.config.update_groups == 4
    assert card.limits == "Nothing is known of what it was trained on."


def test_a_checkpoint_of_another_family_is_refused(tmp_path):
    without_groups(SITReg(SMALL), tmp_path / "model.pt")
    with pytest.raises(InputError, match=r"has \(8, 40\) channels .* networks of mir-ixi have \(12, 16\)"):
        import_checkpoint(tmp_path / "model.pt", "mir-ixi", "m", None, None)


def test_the_command_imports_and_tells(tmp_path, capsys):
    without_groups(SITReg(SMALL), tmp_path / "model.pt")
    command = ["import-checkpoint", str(tmp_path / "model.pt"), "-o", str(tmp_path / "mine")]
    assert main([*command, "--config", "oasis"]) == 0
    assert "mine: 2 levels; features 8,40" in capsys.readouterr().out
    assert load_from(tmp_path / "mine").info.title == "SITReg for OASIS brains"
    assert main([*command, "--config", "lumir"]) == 2


def test_a_configuration_can_be_a_file(tmp_path):
    without_groups(SITReg(SITRegConfig((6, 6), (4, 4), groups=3)), tmp_path / "model.pt")
    text = 'title = "Mine"\nfinest = [[6, 6]]\ngroups = 3\nspacing = 1.5\n' + "".join(
        f'{name} = "x"\n' for name in ("anatomy", "modality", "contrast", "data", "limits")
    )
    (tmp_path / "mine.toml").write_text(text + "update_groups = 1\n", encoding="utf-8")
    _, card = import_checkpoint(tmp_path / "model.pt", str(tmp_path / "mine.toml"), "m", None, None)
    assert (card.title, card.spacing, card.architecture["groups"]) == ("Mine", 1.5, 3)


def test_an_unknown_configuration_is_refused(tmp_path):
    without_groups(SITReg(SMALL), tmp_path / "model.pt")
    with pytest.raises(InputError, match="must be one of oasis, lpba40, lung, lumir, nlst, mir-ixi, or a TOML file"):
        import_checkpoint(tmp_path / "model.pt", "abdomen", "m", None, None)
    (tmp_path / "bad.toml").write_text("title = 3\n", encoding="utf-8")
    with pytest.raises(InputError, match="should have the entries title, finest"):
        import_checkpoint(tmp_path / "model.pt", str(tmp_path / "bad.toml"), "m", None, None)


def test_an_affine_stage_learns_its_voxel_size(tmp_path):
    config = SITRegConfig((8, 36, 8), (4, 4), groups=2, affine=True)
    without_groups(SITReg(config), tmp_path / "model.pt")
    network, _ = import_checkpoint(tmp_path / "model.pt", "lung", "m", None, None)
    assert network.config.voxel_size == (2.0, 2.0, 2.0)


@pytest.mark.parametrize(("config", "name"), [(OASIS, "oasis"), (LUMIR, "lumir")])
def test_the_published_networks_belong_to_their_families(config, name):
    assert config.features[:2] in PUBLISHED[name].finest
    assert (config.groups, config.update_groups) == (PUBLISHED[name].groups, PUBLISHED[name].update_groups)


def test_an_old_oracle_checkpoint_is_imported(oracles, tmp_path):
    network, card = import_checkpoint(oracles / "oasis_model_epoch_000.pt", "oasis", "oasis", None, None)
    place(network, card, tmp_path / "oasis")
    assert load_from(tmp_path / "oasis").network.config == OASIS


# ---- our own form


def test_a_configuration_becomes_a_table_and_back():
    for config in (OASIS, LUMIR, OLD, dataclasses.replace(SMALL, voxel_size=(1.0, 2.0, 3.0), multiplier=0.9)):
        assert config_of(table_of(config)) == config


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"groups": 3}, r"must divide features \(4, 8\), got 3"),
        ({"update_groups": 3}, "must divide update_features"),
        ({"features": []}, "features .* must be a list of positive numbers"),
        ({"features": [4, -8]}, "features .* must be a list of positive numbers"),
        ({"update_features": [4, 4, 4]}, "got 3 and 2"),
        ({"depth": 3}, "missing or unknown entries .depth."),
    ],
)
def test_an_impossible_network_is_refused(changes, reason):
    with pytest.raises(InputError, match=reason):
        config_of({"features": [4, 8], "update_features": [4, 4], "groups": 2, **changes})


def test_weights_that_were_exchanged_are_noticed(tmp_path):
    without_groups(SITReg(SMALL), tmp_path / "model.pt")
    network, card = import_checkpoint(tmp_path / "model.pt", "oasis", "mine", None, None)
    place(network, card, tmp_path / "mine")
    save_network(SITReg(SMALL), tmp_path / "mine" / "model.safetensors")
    with pytest.raises(InputError, match="not those that their card describes"):
        load_from(tmp_path / "mine")


def test_weights_that_are_not_finite_are_refused(tmp_path):
    network = SITReg(SMALL)
    with torch.no_grad():
        network.updates[0].final.weight[0] = float("nan")
    save_network(network, tmp_path / "m.safetensors")
    with pytest.raises(InputError, match="not finite"):
        load_network(SITReg, tmp_path / "m.safetensors")


def test_a_folder_with_other_files_is_left_alone(tmp_path):
    without_groups(SITReg(SMALL), tmp_path / "model.pt")
    network, card = import_checkpoint(tmp_path / "model.pt", "oasis", tmp_path.name, None, None)
    with pytest.raises(InputError, match="holds other files"):
        place(network, dataclasses.replace(card, id="mine"), tmp_path)
