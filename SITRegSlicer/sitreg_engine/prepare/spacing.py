"""Which resolution to work at."""

from sitreg_engine.errors import InputError
from sitreg_engine.geometry import Grid

from .layout import Extent, Layout

MAX_VOXELS = 9_000_000  # a head at 1 mm
MAX_FIELD_VOXELS = 60_000_000  # of both saved fields: they hold the whole field of view, whatever is masked of it
MOST_WANTED_VOXELS = 40_000_000  # some 17 GB, see memory.py
LEAST_ACROSS = 4  # voxels
# A foreground of about this many voxels across is resolved well enough; smaller objects may have smaller voxels.
ACROSS = 160
# Voxels to refine with, in those of the finer image: each image is interpolated onto the space between the two, which
# blurs it less on finer voxels. Measured: Dice of brains at 2 mm 0.695 -> 0.710, of hippocampi at 1 mm 0.778 -> 0.786.
REFINED_SHARE = 0.7


def choose_spacing(layout: Layout, wanted: float = 0.0, share: float = 1.0) -> float:
    """Working spacing in mm: `wanted`, or for 0 a `share` of the finer image's own, within reason.

    Within reason: not below 1 mm for anything the size of a head (smaller objects in proportion), and coarsened until
    neither the working grid nor the fields to save are too large. The order of the images does not matter.
    Raises InputError when `wanted` is so fine that the working grid would not fit into any usual memory, or so coarse
    that nothing is left to see.
    """
    if wanted > 0:
        _check_wanted(float(wanted), layout.extent)
        return float(wanted)
    spacing = unlimited_spacing(layout, share)
    while layout.extent.voxels(spacing) > MAX_VOXELS or layout.field_voxels(spacing) > MAX_FIELD_VOXELS:
        spacing *= 1.02
    return float(spacing)


def unlimited_spacing(layout: Layout, share: float = 1.0) -> float:
    """What `choose_spacing` would choose for images of any size, mm."""
    finest = share * min(geometric_spacing(scan.image.grid) for scan in (layout.fixed, layout.moving))
    return max(finest, min(1.0, float(layout.extent.shown.max()) / ACROSS))


def _check_wanted(wanted: float, extent: Extent) -> None:
    voxels, coarsest = extent.volume / wanted / wanted / wanted, float(extent.shown.min()) / LEAST_ACROSS
    if voxels > MOST_WANTED_VOXELS:
        finest = wanted * (voxels / MOST_WANTED_VOXELS) ** (1 / 3)
        raise InputError(
            f"A working spacing of {wanted:g} mm would need {voxels / 1e6:.0f} million voxels for these images; "
            f"wanted are at most {MOST_WANTED_VOXELS / 1e6:.0f} million: give at least {finest:.2f} mm, or none."
        )
    if wanted > coarsest:
        raise InputError(
            f"A working spacing of {wanted:g} mm leaves fewer than {LEAST_ACROSS} voxels across what these images "
            f"show: give at most {coarsest:.2f} mm, or none."
        )


def geometric_spacing(grid: Grid) -> float:
    """The side of a cube of the volume of one voxel, mm."""
    return grid.voxel_volume ** (1 / 3)
