"""From two aligned images to two tensors on one grid."""

from .affordable import affordable_spacing
from .layout import Layout, lay_out
from .pair import Pair, make_pair
from .spacing import REFINED_SHARE, choose_spacing

__all__ = ["REFINED_SHARE", "Layout", "Pair", "affordable_spacing", "choose_spacing", "lay_out", "make_pair"]
