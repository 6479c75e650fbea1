"""A working spacing that the memory at hand allows."""

from sitreg_engine.errors import ResourceError
from sitreg_engine.memory import usable_memory

from .layout import Layout
from .spacing import choose_spacing, unlimited_spacing

_LEAST_VOXELS = 100_000  # of a working grid; with fewer the result would be of no use
_MUCH_COARSER = 2.5  # times the spacing of smaller images; people are told


def affordable_spacing(
    layout: Layout, wanted: float, free: float, finest: float = 0.0, share: float = 1.0
) -> tuple[float, list[str]]:
    """Working spacing in mm, by `choose_spacing` and coarser where `free` bytes of memory ask for it; and what to tell.

    finest: mm below which voxels are of no use; share: of the images' own, see `choose_spacing`.
    Raises ResourceError when a `wanted` spacing, or any at all, needs more memory than there is.
    """
    spacing = max(choose_spacing(layout, wanted, share), finest)
    if layout.memory(spacing) <= usable_memory(free):
        return spacing, [] if wanted > 0 else _much_coarser(spacing, max(unlimited_spacing(layout, share), finest))
    needed = f"{layout.memory(spacing) / 1e9:.1f} GB of memory would be needed"
    coarser = _coarser(layout, spacing, free, needed)
    if wanted > 0:
        raise ResourceError(
            f"There is too little memory for a working spacing of {wanted:g} mm: {free / 1e9:.1f} GB are free and "
            f"{needed}. Give {coarser:.2f} mm or more, or none."
        )
    return coarser, [
        f"Working at {coarser:.2f} mm instead of {spacing:.2f} mm: {free / 1e9:.1f} GB of memory are free and {needed}."
    ]


def _much_coarser(spacing: float, usual: float) -> list[str]:
    """What to tell when the images are so large that details get lost."""
    if spacing < _MUCH_COARSER * usual:
        return []
    return [
        f"Working at {spacing:.2f} mm, as the images are large ({usual:.2f} mm otherwise): "
        "crop them, or give masks of what matters, to see finer details."
    ]


def _coarser(layout: Layout, spacing: float, free: float, needed: str) -> float:
    """The finest spacing that there is memory for. Raises ResourceError where it would be of no use."""
    while layout.memory(spacing) > usable_memory(free):
        spacing *= 1.02
        if layout.extent.voxels(spacing) < _LEAST_VOXELS:
            raise ResourceError(
                f"There is too little memory for images of this size: {free / 1e9:.1f} GB are free and {needed}. "
                "Close other programs, or crop or resample the images."
            )
    return spacing
