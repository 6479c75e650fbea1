"""Two aligned images on one working grid in the space half-way between them.

Beyond its field of view an image is continued by its edge. With nothing there, the edge of the view would look like an
edge of something: whatever moves it into what is compared seems to make things worse, and slabs are pulled apart until
their views cover each other (measured: 28 mm of a head, Dice 0.46 aligned, 0.38 refined that way, and 0.63 like this).
"""

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from sitreg_engine.geometry import Grid

from .blank import not_blank
from .layout import Layout
from .normalise import Normalise, robust_range
from .resample import field_of_view, mask_on_grid, resample


@dataclass(frozen=True)
class Pair:
    """Both images in the half-way space, float32; swapping fixed and moving swaps the tensors and nothing else."""

    moving: Tensor  # (1, 1, I, J, K), normalised, continued by its edges
    fixed: Tensor
    fixed_mask: Tensor | None  # (1, 1, I, J, K), 0..1
    moving_mask: Tensor | None
    # (1, 1, I, J, K), 1 where the point lies in the image's field of view and was not blanked, else 0
    fixed_inside: Tensor
    moving_inside: Tensor
    grid: Grid  # working grid: isotropic, axes of the study frame; its world is the half-way space, mm
    to_fixed: np.ndarray  # 4x4, half-way mm -> fixed LPS mm
    to_moving: np.ndarray  # 4x4, half-way mm -> moving LPS mm
    doubts: tuple[str, ...] = ()  # for people, about the way the images are compared

    @property
    def shown(self) -> tuple[Tensor, Tensor]:
        """image_1 (moving) and image_2 (fixed) of the models: 0 where they show nothing, as in their training."""
        return self.moving * self.moving_inside, self.fixed * self.fixed_inside


def make_pair(layout: Layout, spacing: float, normalise: Normalise = robust_range) -> Pair:
    """Resample both images, once each, to the half-way space at `spacing` mm."""
    grid, maps = layout.extent.grid(spacing), (layout.to_fixed, layout.to_moving)
    sides = tuple(zip((layout.fixed, layout.moving), maps, layout.blanked, strict=True))
    views = [field_of_view(scan.image.grid, grid, to_image) for scan, to_image, _ in sides]
    images = [
        resample(normalise(scan.image, scan.inside), scan.image.grid, grid, to_image) for scan, to_image, _ in sides
    ]
    seen = [
        view * not_blank(scan.image, grid, to_image) if blanked else view
        for (scan, to_image, blanked), view in zip(sides, views, strict=True)
    ]
    masks = [scan.mask and mask_on_grid(scan.mask, grid, to_image) for scan, to_image, _ in sides]
    return Pair(images[1], images[0], *masks, *seen, grid, *maps, _doubts(layout))


def _doubts(layout: Layout) -> tuple[str, ...]:
    names = ("fixed", "moving")
    return tuple(
        f"The {here} volume is blank in much of what the {there} one shows "
        "(a brain without its skull?): only what both show was compared."
        for here, there, blanked in zip(names, names[::-1], layout.blanked, strict=True)
        if blanked
    )
