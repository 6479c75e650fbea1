"""A network predicts at the spacing of its training, and says when images are unlike those of its training."""

from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
import pytest
import torch

from sitreg_engine.affine import align
from sitreg_engine.geometry import Grid
from sitreg_engine.images import Volume
from sitreg_engine.models import Card, ModelInfo
from sitreg_engine.models.familiar import Familiar
from sitreg_engine.models.halfway import HalfWay
from sitreg_engine.predict import finest_look, first_look, on_grid, predict
from sitreg_engine.prepare import lay_out, make_pair
from sitreg_engine.progress import Reporter
from sitreg_engine.scan import make_scan

CPU = torch.device("cpu")
CARD = Card(
    *("t", "A model", "none", "none", "none", 4.0, "robust_range", "sitreg", {}, "CC0", "none", "none", "0" * 64),
)


@dataclass(frozen=True)
class Shift:
    """A model that moves everything by the same way along the first axis."""

    info: ModelInfo
    millimetres: float
    spacing: float  # that it expects to be given, mm

    def predict(self, moving, fixed, device):
        u = torch.zeros(1, 3, *fixed.shape[2:])
        u[:, 0] = self.millimetres / 2 / self.spacing
        return HalfWay(u, -u, -u, u)


def shift(card: Card | None, millimetres: float = 8.0, spacing: float = 4.0) -> Shift:
    return Shift(ModelInfo("t", "A model", "", "", card), millimetres, spacing)


@dataclass(frozen=True)
class InLooks(Shift):
    """Moves by motions[n] = (mm, spacing of what it should see) when it looks for the n-th time; keeps what it saw."""

    motions: tuple[tuple[float, float], ...] = ()
    seen: list = field(default_factory=list)

    def predict(self, moving, fixed, device):
        self.seen.append(tuple(fixed.shape[2:]))
        u = torch.zeros(1, 3, *fixed.shape[2:])
        millimetres, spacing = self.motions[len(self.seen) - 1]
        u[:, 0] = millimetres / 2 / spacing
        return HalfWay(u, -u, -u, u)


def in_looks(*motions: tuple[float, float]) -> InLooks:
    return InLooks(ModelInfo("t", "A model", "", "", CARD), 0.0, 0.0, motions)


def pairs_apart(millimetres: float):
    """`pair_at` of an ellipsoid with stripes and the same, moved along the first axis."""
    grid = Grid((48, 48, 48), (2.0, 2.0, 2.0), (0.0, 0.0, 0.0), tuple(map(float, np.eye(3).ravel())))
    places = np.stack(np.meshgrid(*[np.arange(48)] * 3, indexing="ij")) - 24
    fixed, moving = (make_scan(Volume(_ellipsoid(places, shift), grid)) for shift in (0.0, millimetres / 2.0))
    reporter = Reporter()
    reporter.start("align", "")
    alignment = align(fixed, moving, "none", reporter)
    return partial(make_pair, lay_out(fixed, moving, alignment))


def _ellipsoid(places: np.ndarray, shift: float) -> np.ndarray:
    """With stripes; places and shift in voxels."""
    own = places - np.array([shift, 0.0, 0.0])[:, None, None, None]
    inside = (own**2 / np.array([20, 16, 14])[:, None, None, None] ** 2).sum(axis=0) < 1
    return np.float32(inside * (60 + 40 * np.cos(own[0] / 4)))


@pytest.fixture(scope="module")
def pair_at():
    return pairs_apart(0.0)


def test_a_trained_model_sees_voxels_of_its_own_size_and_millimetres_stay_what_they_are(pair_at):
    pair = pair_at(2.0)
    maps = predict(shift(CARD), pair, pair_at, CPU).maps
    assert maps.left.shape[2:] == pair.moving.shape[2:]
    for u, voxels in zip(vars(maps).values(), (2.0, -2.0, -2.0, 2.0), strict=True):
        assert torch.allclose(u[:, 0], torch.tensor(voxels))
        assert not u[:, 1:].any()


@pytest.mark.parametrize("card", [None, replace(CARD, spacing=2.1)], ids=["no card", "nearly the same spacing"])
def test_without_another_spacing_it_sees_the_pair_as_it_is(pair_at, card):
    pair = pair_at(2.0)
    found = predict(shift(card, spacing=2.0), pair, lambda spacing: pytest.fail("no other pair is needed"), CPU)
    assert torch.allclose(found.maps.left[:, 0], torch.tensor(2.0))


def test_where_nothing_is_refined_a_network_looks_again_at_what_it_has_left():
    pair_at, model = pairs_apart(6.0), in_looks((4.0, 4.0), (2.0, 2.0))
    maps = predict(model, pair_at(2.0), pair_at, CPU, alone=True).maps
    assert model.seen == [pair_at(4.0).grid.shape, pair_at(2.0).grid.shape]
    for u, voxels in zip(vars(maps).values(), (1.5, -1.5, -1.5, 1.5), strict=True):
        assert torch.allclose(u[:, 0], torch.tensor(voxels), atol=1e-5)


def test_a_second_look_that_makes_it_worse_counts_for_nothing():
    pair_at = pairs_apart(4.0)
    maps = predict(in_looks((4.0, 4.0), (2.0, 2.0)), pair_at(2.0), pair_at, CPU, alone=True).maps
    assert torch.allclose(maps.left[:, 0], torch.tensor(1.0), atol=1e-5)


@pytest.mark.parametrize(
    ("spacing", "alone"), [(2.0, False), (3.7, True)], ids=["refinement follows", "the images are no finer"]
)
def test_there_is_one_look_where(spacing, alone):
    pair_at, model = pairs_apart(6.0), in_looks((4.0, 4.0))
    predict(model, pair_at(spacing), pair_at, CPU, alone=alone)
    assert len(model.seen) == 1


def test_on_a_finer_grid_than_two_looks_need_the_second_is_at_half_the_spacing_of_the_training():
    pair_at, model = pairs_apart(6.0), in_looks((4.0, 4.0), (2.0, 2.0))
    maps = predict(model, pair_at(1.0), pair_at, CPU, alone=True).maps
    assert model.seen[1] == pair_at(2.0).grid.shape
    assert maps.left.shape[2:] == pair_at(1.0).grid.shape
    assert torch.allclose(maps.left[:, 0], torch.tensor(3.0), atol=1e-5)


def test_a_map_keeps_its_places_in_the_half_way_space():
    given = Grid((16, 16, 16), (4.0,) * 3, (2.0, 0.0, -6.0), tuple(map(float, np.eye(3).ravel())))
    wanted = Grid((20, 20, 20), (2.0,) * 3, (6.0, 4.0, 0.0), given.direction)
    ramp = torch.arange(16.0)[:, None, None].expand(16, 16, 16)
    u = torch.stack([ramp, ramp, ramp])[None]  # voxels of `given`, by its own first index
    found = on_grid(HalfWay(u, u, u, u), given, wanted).left
    first_index = (6.0 + 2.0 * torch.arange(20.0) - 2.0) / 4.0
    assert torch.allclose(found[0, 1], (2.0 * first_index)[:, None, None].expand(20, 20, 20), atol=1e-5)


def test_a_model_with_nothing_to_predict_has_no_doubts_either(pair_at):
    @dataclass(frozen=True)
    class Silent(Shift):
        def predict(self, moving, fixed, device):
            return None

    found = predict(Silent(ModelInfo("t", "A model", "", "", CARD), 0.0, 4.0), pair_at(2.0), pair_at, CPU)
    assert found.maps is None
    assert found.doubts == []


def told(model: Shift, pair_at) -> list[str]:
    """Doubts but that of the agreement: image and itself agree best where nothing moves."""
    doubts = predict(model, pair_at(2.0), pair_at, CPU).doubts
    return [doubt for doubt in doubts if "agree less" not in doubt]


def test_a_prediction_that_brings_the_volumes_apart_is_told(pair_at):
    [doubt] = predict(shift(None, 8.0, 2.0), pair_at(2.0), pair_at, CPU).doubts
    assert "agree less with the prediction than without" in doubt
    assert predict(shift(None, 0.0, 2.0), pair_at(2.0), pair_at, CPU).doubts == []


def test_motion_beyond_the_range_of_the_training_is_told(pair_at):
    card = replace(CARD, capture_range=5.0)
    [doubt] = told(shift(card, 8.0), pair_at)
    assert "8 mm" in doubt and "5 mm" in doubt and "care" in doubt
    assert told(shift(card, 4.0), pair_at) == []


def test_strange_intensities_are_told_for_each_volume(pair_at):
    strange = replace(CARD, familiar=Familiar((10.0, 500.0), ((0.0, 0.01),) * 5))
    doubts = told(shift(strange), pair_at)
    assert len(doubts) == 2
    assert "fixed volume" in doubts[0] and "moving volume" in doubts[1]


def test_coarser_voxels_than_in_training_are_told(pair_at):
    doubts = predict(shift(replace(CARD, spacing=1.0), spacing=2.0), pair_at(2.0), pair_at, CPU).doubts
    assert "1 mm" in doubts[0] and "2.00 mm" in doubts[0]


def any_size(low: float, high: float) -> Card:
    return replace(CARD, any_size=True, capture_range=20.0, familiar=Familiar((low, high), ((-1.0, 2.0),) * 5))


@pytest.mark.parametrize(
    ("side", "spacing"), [(128.0, 2.0), (256.0, 4.0), (320.0, 4.0), (640.0, 8.0)], ids=["small", "", "", "large"]
)
def test_weights_for_things_of_any_size_see_as_many_voxels_as_in_training(side, spacing):
    assert first_look(any_size(230.0, 345.6), side) == pytest.approx(spacing)
    assert finest_look(any_size(230.0, 345.6), side) == pytest.approx(spacing / 2)
    assert first_look(CARD, side) == 4.0


def test_small_things_are_familiar_to_weights_for_any_size(pair_at):
    side = max(pair_at(2.0).grid.shape) * 2.0
    card, seen = any_size(2 * side, 4 * side), in_looks((1.0, 2.0))
    model = replace(seen, info=replace(seen.info, card=card))
    assert told(model, pair_at) == []
    assert model.seen == [pair_at(2.0).grid.shape]
    # 20 mm for things of twice the size are 10 mm here
    [doubt] = told(shift(card, 12.0, 2.0), pair_at)
    assert "12 mm" in doubt and "10 mm" in doubt
