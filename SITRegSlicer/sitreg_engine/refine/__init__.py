"""Instance optimisation: from a prediction, or from nothing, to half-way maps that fit the pair at hand."""

from .pair import refine_pair
from .schedule import make_schedule

__all__ = ["make_schedule", "refine_pair"]
