"""One image as the engine looks at it, the same however it is stored."""

from dataclasses import dataclass

from .foreground import foreground, mask_foreground, without_padding
from .images import Volume
from .study import canonical


@dataclass(frozen=True)
class Scan:
    """An image with what belongs to it; axes lie nearest to L, P, S."""

    image: Volume  # in its own intensities, nothing left of padding
    mask: Volume | None  # non-zero = inside
    inside: Volume  # bool, on a coarser grid: where the image shows something; the mask, where there is one


def make_scan(image: Volume, mask: Volume | None = None) -> Scan:
    """The scan of an image (I, J, K) and of the mask that a person has given for it."""
    image, mask = without_padding(canonical(image)), mask and canonical(mask)
    return Scan(image, mask, foreground(image) if mask is None else mask_foreground(mask))
