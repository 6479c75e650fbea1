"""What the images of a training looked like to the network, so that others can be told apart from them.

Looked at are the normalised intensities of tissue, whose distribution differs between contrasts (T1, T2, CT), and the
size of what is shown. Being inside all ranges is no proof of likeness; being outside is a reason to look twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from sitreg_engine.errors import InputError
from sitreg_engine.prepare.normalise import AIR

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
# Each range is widened on both sides by a part of itself and of its value: a sample never shows the whole range.
_WIDENED, _TOLERANCE = 0.15, 0.02
_MOST_SAMPLES = 1_000_000

Range = tuple[float, float]


@dataclass(frozen=True)
class Familiar:
    """Ranges (lowest, highest) over images on the working grid."""

    side: Range  # of the grid's longest side, mm
    quantiles: tuple[Range, ...]  # of the tissue's normalised intensities at QUANTILES

    @classmethod
    def of(cls, table: object, name: str) -> Self:
        """From what `dataclasses.asdict` and JSON made of it; name: of where it stands, for errors. Raises InputError.

        Other entries of the table are left alone.
        """
        try:
            side, *quantiles = ((float(low), float(high)) for low, high in (table["side"], *table["quantiles"]))
        except (TypeError, KeyError, ValueError) as error:
            raise InputError(f"{name}: familiar must hold ranges of side and quantiles: {error}.") from error
        if len(quantiles) != len(QUANTILES):
            raise InputError(f"{name}: familiar must have {len(QUANTILES)} quantiles, got {len(quantiles)}.")
        return cls(side, tuple(quantiles))


def familiar_of(images: Sequence[tuple[Tensor, Tensor]], spacing: float) -> Familiar:
    """Ranges over (image, 1 where the field of view is) pairs of tensors (1, 1, I, J, K); spacing in mm."""
    columns = zip(*(quantiles(image, seen) for image, seen in images), strict=True)
    sides = [max(image.shape[2:]) * spacing for image, _ in images]
    return Familiar(_range(sides), tuple(_range(column) for column in columns))


def unlike(familiar: Familiar, image: Tensor, seen: Tensor, spacing: float | None) -> list[str]:
    """What about an image (1, 1, I, J, K) was not so in training: parts of a sentence, none when all is familiar.

    spacing: mm; None where size does not matter.
    """
    found = []
    side = max(image.shape[2:]) * spacing if spacing else None
    if side is not None and not _within(familiar.side, side):
        low, high = familiar.side
        found.append(f"what it shows is {side:.0f} mm long instead of {low:.0f} to {high:.0f} mm")
    values = quantiles(image, seen)
    if not all(_within(known, value) for known, value in zip(familiar.quantiles, values, strict=True)):
        found.append("its contrast or intensities are distributed differently")
    return found


def quantiles(image: Tensor, seen: Tensor) -> list[float]:
    """Of the normalised intensities of tissue; zeros where there is none."""
    tissue = image[(seen > 0) & (image > AIR)]
    if not len(tissue):
        return [0.0] * len(QUANTILES)
    tissue = tissue[:: -(-len(tissue) // _MOST_SAMPLES)].float().cpu()
    return torch.quantile(tissue, torch.tensor(QUANTILES)).tolist()


def _range(values: Sequence[float]) -> Range:
    low, high = min(values), max(values)
    margin = _WIDENED * (high - low) + _TOLERANCE * abs(high)
    return round(low - margin, 4), round(high + margin, 4)


def _within(known: Range, value: float) -> bool:
    return known[0] <= value <= known[1]
