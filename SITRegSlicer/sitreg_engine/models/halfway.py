"""What every model finds: two maps into the space half-way between the images, and their inverses."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from torch import Tensor

from sitreg_engine.mappings import compose


@dataclass(frozen=True)
class HalfWay:
    """Displacements (N, 3, I, J, K) in voxels of the full grid."""

    left: Tensor  # half-way space -> image 1
    right: Tensor  # half-way space -> image 2
    left_inverse: Tensor  # image 1 -> half-way space
    right_inverse: Tensor  # image 2 -> half-way space

    doubts: ClassVar[tuple[str, ...]] = ()  # for people, of these very maps; only a DoubtedHalfWay has any

    def forward(self) -> Tensor:
        """f12: from the grid of image 2 to positions in image 1; image 1 sampled there resembles image 2."""
        return compose(self.left, self.right_inverse)

    def inverse(self) -> Tensor:
        """f21: from the grid of image 1 to positions in image 2."""
        return compose(self.right, self.left_inverse)

    def followed_by(self, rest: "HalfWay") -> "HalfWay":
        """These maps and then `rest`, found in the half-way space of the images that these bring together.

        With the inverses in the other order; swapped images still swap the maps.
        """
        halves = (compose(self.left, rest.left), compose(self.right, rest.right))
        inverses = (compose(rest.left_inverse, self.left_inverse), compose(rest.right_inverse, self.right_inverse))
        found = HalfWay(*halves, *inverses)
        return found.doubted(rest.doubts)

    def doubted(self, doubts: tuple[str, ...]) -> "HalfWay":
        """The same maps, with what is to be said against them."""
        maps = self.left, self.right, self.left_inverse, self.right_inverse
        return DoubtedHalfWay(*maps, doubts) if doubts else self

    def each(self, change: Callable[[Tensor], Tensor]) -> "HalfWay":
        """The maps that `change` makes of these, one by one; doubts about these say nothing of those."""
        return HalfWay(*(change(u) for u in (self.left, self.right, self.left_inverse, self.right_inverse)))


@dataclass(frozen=True)
class DoubtedHalfWay(HalfWay):
    """What a model gives that itself has something to say against its maps."""

    doubts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Registration:
    """Image_1 sampled at x + f12(x) resembles image_2, and vice versa; displacements (N, 3, I, J, K) in voxels."""

    halfway: HalfWay

    @cached_property
    def f12(self) -> Tensor:
        """On the grid of image 2, into image 1."""
        return self.halfway.forward()

    @cached_property
    def f21(self) -> Tensor:
        """On the grid of image 1, into image 2."""
        return self.halfway.inverse()
