"""DDR-Net's phases, one run after the other: what has learnt is handed on, and stays as it is."""

import dataclasses

import pytest
import torch

from sitreg_engine.errors import InputError
from sitreg_engine.models import load_from
from sitreg_engine.training.config_file import read_settings
from sitreg_engine.training.export import export_run
from sitreg_engine.training.loop import train
from sitreg_engine.training.networks import build_network
from sitreg_engine.training.parts import part_to_learn
from sitreg_engine.training.settings import LossSettings, RunSettings, StartSettings
from sitreg_engine.training.start import initialise
from sitreg_engine.training.state import read_checkpoint
from sitreg_engine.training.views import Group, View

TABLE = {"encoder": [4, 4], "decoder": [4, 4], "final": [4], "chunk_voxels": 8**3, "overlap": 4, "squarings": 4}
LEARNING = (LossSettings("mse", 10.0), LossSettings("kl", 0.01))
JOINING = (LossSettings("mse", 10.0, space="fixed"), LossSettings("velocity_gradient", 0.01),
           LossSettings("negative_jacobian", 10.0))  # fmt: skip


@pytest.fixture
def settings(config, tmp_path):
    """settings(phase="local", run="run", start=StartSettings()): three steps of a small DDR-Net."""
    base = read_settings(config(steps=3, every=1000))

    def make(phase: str, run: str, start: StartSettings | None = None, steps: int = 3) -> RunSettings:
        return dataclasses.replace(
            base, model="ddrnet", network={**TABLE, "phase": phase}, run=str(tmp_path / run), steps=steps,
            losses=JOINING if phase == "fusion" else LEARNING, start=start or StartSettings(),
        )  # fmt: skip

    return make


def part(run: str, name: str, kind: str = "network") -> dict[str, torch.Tensor]:
    content = read_checkpoint(run)
    return {key: tensor for key, tensor in content[kind].items() if key.startswith(name)}


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


def quiet(_line: str) -> None:
    pass


def test_each_phase_changes_its_part_alone_and_hands_on_the_rest(settings, tmp_path):
    one = settings("global", "one")
    two = settings("local", "two", StartSettings(weights=one.run))
    three = settings("fusion", "three", StartSettings(weights=two.run))
    for run in (one, two, three):
        train(run, None, 0, quiet)
    learnt = {"one": "global_branch", "two": "local_branch", "three": "fusion"}
    for run, before in ((two, one), (three, two)):
        for name in ("local_branch", "global_branch", "fusion"):
            mine = learnt[run.run.rsplit("/", 1)[-1]] == name
            assert same(part(run.run, name), part(before.run, name, "average")) != mine


def test_the_trained_network_is_a_model_that_registers(settings, tmp_path):
    run = settings("fusion", "run", steps=1)
    told = dict.fromkeys(("title", "anatomy", "modality", "contrast", "licence", "data", "limits"), "told")
    run = dataclasses.replace(run, card=dataclasses.replace(run.card, **told))
    train(run, None, 0, quiet)
    export_run(tmp_path / "run", tmp_path / "my-model")
    images = torch.rand(1, 1, 10, 12, 9), torch.rand(1, 1, 10, 12, 9)
    found = load_from(tmp_path / "my-model").predict(*images, torch.device("cpu"))
    assert found.left.shape == (1, 3, 10, 12, 9) and found.left.isfinite().all()


def test_a_resumed_run_draws_the_same_velocities(settings):
    whole, halted = settings("local", "whole", steps=4), settings("local", "halted", steps=4)
    train(whole, None, 0, quiet)
    stops = iter([False, False, True])
    train(halted, None, 0, quiet, lambda: next(stops))
    from_there = f"{halted.run}/last.pt"
    train(halted, from_there, 0, quiet)
    assert same(part(whole.run, ""), part(halted.run, ""))


def test_one_branch_can_begin_as_the_other(settings):
    network = build_network("ddrnet", TABLE, 1)
    initialise(network, StartSettings(copied="global_branch to local_branch"))
    assert same(network.local_branch.state_dict(), network.global_branch.state_dict())


@pytest.mark.parametrize("wanted", ["global_branch", "global_branch to nowhere", "a to b", " to "])
def test_parts_that_are_not_there_are_not_copied(wanted):
    with pytest.raises(InputError, match="out of local_branch, global_branch, fusion"):
        initialise(build_network("ddrnet", TABLE, 1), StartSettings(copied=wanted))


def test_parts_of_different_kinds_are_not_copied():
    with pytest.raises(InputError, match="are of another network"):
        initialise(build_network("ddrnet", TABLE, 1), StartSettings(copied="fusion to local_branch"))


def views(*shape: int) -> Group:
    image = torch.arange(float(torch.Size(shape).numel())).reshape(1, 1, *shape)
    one = View(image, image + 1, torch.ones_like(image), image.int(), None)
    return Group((one, one), 4.0)


def test_the_local_branch_is_shown_the_same_chunk_of_all_that_a_pair_has():
    group = views(9, 14, 16)
    network = build_network("ddrnet", {**TABLE, "phase": "local"}, 1)
    found = part_to_learn(network, group, (1, 2, 3))
    first, second = found.views
    assert first.image.shape == first.labels.shape != group.views[0].image.shape
    assert torch.equal(first.image, second.image) and torch.equal(first.target, first.image + 1)
    assert first.mask is None and found.spacing == 4.0
    assert torch.equal(part_to_learn(network, group, (1, 2, 3)).views[0].image, first.image)


@pytest.mark.parametrize(("model", "table"), [
    ("ddrnet", {**TABLE, "phase": "fusion"}),
    ("sitreg", {"features": [4, 4], "update_features": [4, 4], "groups": 2}),
])  # fmt: skip
def test_other_networks_are_shown_all(model, table):
    group = views(9, 14, 16)
    assert part_to_learn(build_network(model, table, 1), group, (1,)) is group
