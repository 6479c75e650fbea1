"""From two aligned images to two tensors on one grid."""

from .pair import Pair, make_pair
from .spacing import choose_spacing

__all__ = ["Pair", "choose_spacing", "make_pair"]
