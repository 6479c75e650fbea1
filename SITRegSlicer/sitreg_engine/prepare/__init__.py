"""From two aligned images to two tensors on one grid."""

from .affordable import affordable_spacing
from .pair import Pair, make_pair
from .spacing import choose_spacing

__all__ = ["Pair", "affordable_spacing", "choose_spacing", "make_pair"]
