"""Images that a network was not trained on are told apart from those it was."""

import dataclasses
import json

import pytest
import torch

from sitreg_engine.errors import InputError
from sitreg_engine.models.familiar import QUANTILES, Familiar, familiar_of, quantiles, unlike

SPACING = 2.0


def tissue(seed: int, size: int = 24) -> torch.Tensor:
    """A dark rim around tissue whose intensities are mostly dark with some bright."""
    image = torch.zeros(1, 1, size, size, size)
    values = torch.rand(size - 4, size - 4, size - 4, generator=torch.Generator().manual_seed(seed))
    image[0, 0, 2:-2, 2:-2, 2:-2] = 0.15 + 0.8 * values**2
    return image


def known() -> Familiar:
    return familiar_of([(tissue(n), torch.ones_like(tissue(n))) for n in range(6)], SPACING)


def test_an_image_of_the_same_kind_is_familiar():
    assert unlike(known(), tissue(7), torch.ones_like(tissue(7)), SPACING) == []


def test_inverted_contrast_is_noticed():
    image = tissue(7)
    inverted = torch.where(image > 0, 1.1 - image, image)
    [said] = unlike(known(), inverted, torch.ones_like(image), SPACING)
    assert "contrast" in said


def test_another_size_is_noticed_in_mm():
    [said] = unlike(known(), tissue(7, size=60), torch.ones(1, 1, 60, 60, 60), SPACING)
    assert "120 mm" in said and "47 to 49 mm" in said


def test_quantiles_are_those_of_tissue_inside_the_field_of_view():
    image = tissue(1)
    seen = torch.zeros_like(image)
    seen[..., :12] = 1
    expected = torch.quantile(image[(seen > 0) & (image > 0.08)], torch.tensor(QUANTILES))
    assert torch.tensor(quantiles(image, seen)) == pytest.approx(expected)


def test_an_image_without_tissue_has_quantiles_of_zero_and_is_unlike_any_other():
    nothing = torch.zeros(1, 1, 24, 24, 24)
    assert quantiles(nothing, nothing) == [0.0] * len(QUANTILES)
    assert unlike(known(), nothing, torch.ones_like(nothing), SPACING)


def test_ranges_are_wider_than_the_images_that_they_come_from():
    values = [quantiles(tissue(n), torch.ones_like(tissue(n))) for n in range(6)]
    for column, (low, high) in zip(zip(*values, strict=True), known().quantiles, strict=True):
        assert low < min(column) and max(column) < high


def test_what_was_written_as_a_table_is_read_back():
    table = json.loads(json.dumps(dataclasses.asdict(known())))
    assert Familiar.of(table, "The card") == known()


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        (7, "must hold ranges of side and quantiles"),
        ({"side": [1.0, 2.0]}, "must hold ranges of side and quantiles: 'quantiles'"),
        ({"side": [1.0, 2.0, 3.0], "quantiles": []}, "must hold ranges of side and quantiles: too many"),
        ({"side": [1.0, 2.0], "quantiles": [[0.1, "much"]] * 5}, "must hold ranges of side and quantiles: could not"),
        ({"side": [1.0, None], "quantiles": [[0.1, 0.2]] * 5}, "must hold ranges of side and quantiles: float"),
        ({"side": [1.0, 2.0], "quantiles": [[0.1, 0.2]] * 4}, "must have 5 quantiles, got 4"),
    ],
)
def test_a_table_of_anything_else_is_refused_with_its_name(table, reason):
    with pytest.raises(InputError, match=f"^The card: familiar {reason}"):
        Familiar.of(table, "The card")
