"""Affine pre-alignment: symmetric in both images, the same on every run, checked before it is believed."""

from .alignment import Alignment, align
from .matrices import half_way

__all__ = ["Alignment", "align", "half_way"]
