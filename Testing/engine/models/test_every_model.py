"""What every model with a network promises. A new one is one line in CASES; its own folder tests what is its alone."""

import dataclasses
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from sitreg_engine.errors import InputError
from sitreg_engine.models import MODELS
from sitreg_engine.models.halfway import HalfWay
from sitreg_engine.models.network_model import NetworkModel
from sitreg_engine.models.weights_file import load_network, save_network
from sitreg_engine.training.networks import NETWORKS

CPU = torch.device("cpu")
ODD_SHAPES = [(17, 13, 10), (8, 9, 16), (3, 2, 5)]


@dataclasses.dataclass(frozen=True)
class Case:
    """A small network of a model, and what its method promises."""

    name: str  # in MODELS and NETWORKS
    table: dict
    at_rest: float  # voxels that a new network moves anything by at most
    swaps: float | None = None  # voxels by which maps of swapped images may differ; None = they are others
    idle: tuple[str, ...] = ()  # weights that have no effect, by the method

    def network(self) -> nn.Module:
        """As training begins."""
        with torch.random.fork_rng():
            torch.manual_seed(0)
            return NETWORKS[self.name].from_table(self.table).eval()

    def stirred(self, size: float = 0.05) -> nn.Module:
        """With weights that move everything a little."""
        network, generator = self.network(), torch.Generator().manual_seed(1)
        with torch.no_grad():
            for parameter in network.parameters():
                parameter += size * torch.randn(parameter.shape, generator=generator)
        return network

    def model(self, folder) -> NetworkModel:
        path = folder / "model.safetensors"
        save_network(self.stirred(), path)
        return MODELS[self.name].load(str(path), 0)


_UNET = {"encoder": [4, 6], "decoder": [6, 6], "final": [4]}
_NEPHI = {"shape": [16, 16, 16], "overall_codes": 4, "local_codes": 4, "hidden": 8, "frequencies": 4, "norm": "group"}
CASES = [
    Case("sitreg", {"features": [4, 6], "update_features": [4, 6], "groups": 2}, at_rest=0.5, swaps=0.0),
    Case("snet", _UNET, at_rest=1e-2),
    Case("snet", {**_UNET, "antisymmetric": True}, at_rest=1e-2, swaps=1e-5, idle=("flow.bias",)),
    Case("ddrnet", {"phase": "fusion", **_UNET}, at_rest=1e-2),
    Case("nephi", _NEPHI, at_rest=0.0),
    Case("ddrnet", {"phase": "fusion", "overlap": 4, "chunk_voxels": 8**3, **_UNET}, at_rest=1e-2),
    Case("ddrnet", {"phase": "local", "overlap": 0, "splits": [2, 2, 1], **_UNET}, at_rest=1e-2),
    Case("ddrnet", {"phase": "global", **_UNET}, at_rest=1e-2),
]
every_model = pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.name}-{len(case.table)}")


def images(shape: tuple[int, int, int] = (14, 12, 10)) -> tuple[Tensor, Tensor]:
    """Two smooth patterns within 0..1."""
    noise = torch.rand(2, 1, *[n + 4 for n in shape], generator=torch.Generator().manual_seed(2))
    smooth = torch.nn.functional.avg_pool3d(noise, 5, stride=1)
    smooth = (smooth - smooth.amin()) / (smooth.amax() - smooth.amin())
    return smooth[:1], smooth[1:]


def fields(maps: HalfWay) -> tuple[Tensor, ...]:
    return maps.left, maps.right, maps.left_inverse, maps.right_inverse


def test_every_model_that_can_be_trained_is_tested_here():
    assert {case.name for case in CASES} == set(NETWORKS)
    assert set(NETWORKS) <= set(MODELS)


@every_model
def test_a_new_network_moves_next_to_nothing(case):
    found = case.network()(*images())
    assert found.f12.abs().max() <= case.at_rest
    assert found.f21.abs().max() <= case.at_rest


@every_model
@pytest.mark.parametrize("shape", ODD_SHAPES)
@torch.inference_mode()
def test_images_of_any_size_get_maps_of_their_size_both_ways(case, shape):
    found = case.stirred()(*images(shape))
    for u in (found.f12, found.f21, *fields(found.halfway)):
        assert u.shape == (1, 3, *shape)
        assert u.dtype == torch.float32
        assert u.isfinite().all()


@every_model
@torch.inference_mode()
def test_swapping_the_images_swaps_the_maps_where_the_method_says_so(case):
    network, (one, other) = case.stirred(), images()
    there, back = network(one, other), network(other, one)
    assert there.f12.abs().max() > 1e-3  # something moves at all
    difference = max((there.f12 - back.f21).abs().max(), (there.f21 - back.f12).abs().max())
    assert difference > 0 if case.swaps is None else difference <= case.swaps


@every_model
@torch.inference_mode()
def test_constant_images_give_finite_maps(case):
    for value in (0.0, 1.0):
        image = torch.full((1, 1, 9, 8, 10), value)
        found = case.stirred()(image, image)
        assert all(u.isfinite().all() for u in (found.f12, found.f21, *fields(found.halfway)))


@every_model
@torch.inference_mode()
def test_the_same_call_gives_the_same_bits(case):
    network = case.stirred()
    assert torch.equal(network(*images()).f12, network(*images()).f12)


@every_model
def test_gradients_reach_every_weight(case):
    network = case.stirred().train()
    found = network(*images((16, 16, 16)))
    (found.f12.square().mean() + found.f21.square().mean()).backward()
    learning = {name: parameter for name, parameter in network.named_parameters() if parameter.requires_grad}
    assert learning
    assert all(p.grad is not None and p.grad.isfinite().all() for p in learning.values())
    assert tuple(name for name, p in learning.items() if not p.grad.any()) == case.idle


@every_model
def test_weights_survive_their_file_bit_by_bit(case, tmp_path):
    network = case.stirred()
    save_network(network, tmp_path / "model.safetensors")
    again = load_network(NETWORKS[case.name], tmp_path / "model.safetensors")
    before, after = network.state_dict(), again.state_dict()
    assert list(before) == list(after)
    assert all(torch.equal(tensor, after[name]) for name, tensor in before.items())
    with torch.inference_mode():  # with gradients, other operations of the same result may round otherwise
        assert torch.equal(network(*images()).f12, again(*images()).f12)


@every_model
def test_the_table_of_a_network_builds_the_same_one(case):
    network = case.network()
    again = NETWORKS[case.name].from_table(network.table())
    assert again.table() == network.table()
    assert {n: t.shape for n, t in again.state_dict().items()} == {n: t.shape for n, t in network.state_dict().items()}


@every_model
def test_unknown_entries_of_a_table_are_refused(case):
    with pytest.raises(InputError, match="wheels"):
        NETWORKS[case.name].from_table({**case.table, "wheels": 4})


@every_model
def test_a_prediction_leaves_the_weights_as_they_were(case, tmp_path):
    model = case.model(tmp_path)
    before = {name: tensor.clone() for name, tensor in model.network.state_dict().items()}
    model.predict(*images(), CPU)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.network.state_dict().items())


@every_model
def test_a_prediction_is_half_way_maps_without_gradients(case, tmp_path):
    maps = case.model(tmp_path).predict(*images(), CPU)
    assert isinstance(maps, HalfWay)
    assert all(u.shape == (1, 3, 14, 12, 10) and not u.requires_grad for u in fields(maps))


@every_model
def test_two_loads_of_a_file_predict_the_same(case, tmp_path):
    one, other = case.model(tmp_path), case.model(tmp_path)
    assert one.info == other.info
    assert len(one.info.weights_sha256) == 64
    pairs = zip(fields(one.predict(*images(), CPU)), fields(other.predict(*images(), CPU)), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


@every_model
def test_what_a_model_computes_in_is_told(case, tmp_path):
    assert "float32" in case.model(tmp_path).precision(CPU)


@every_model
def test_without_weights_a_model_says_what_is_missing_or_takes_its_default_ones(case):
    load: Callable = MODELS[case.name].load
    try:
        info = load("", 0).info
    except InputError as error:
        assert "weights" in str(error)
    else:
        assert info.weights == "" or info.card.id == MODELS[case.name].default


@every_model
def test_a_file_of_another_network_is_refused(case, tmp_path):
    path = tmp_path / "model.safetensors"
    other = next(o for o in CASES if o.name != case.name)
    save_network(other.network(), path)
    with pytest.raises(InputError):
        MODELS[case.name].load(str(path), 0)
