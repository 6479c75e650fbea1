"""A working spacing that the memory at hand allows."""

from sitreg_engine.errors import ResourceError
from sitreg_engine.images import Volume
from sitreg_engine.memory import most_working_voxels, needed_memory

from .spacing import MAX_VOXELS, choose_spacing, working_voxels

_LEAST_VOXELS = 100_000  # of a working grid; with fewer the result would be of no use


def affordable_spacing(
    fixed: Volume, moving: Volume, wanted: float, free: float, finest: float = 0.0, share: float = 1.0
) -> tuple[float, list[str]]:
    """Working spacing in mm, by `choose_spacing` and coarser where `free` bytes of memory ask for it; and what to tell.

    finest: mm below which voxels are of no use; share: of the images' own, see `choose_spacing`.
    Raises ResourceError when a `wanted` spacing, or any at all, needs more memory than there is.
    """
    image_voxels = fixed.array.size + moving.array.size
    limit = most_working_voxels(free, image_voxels)
    spacing = max(choose_spacing(fixed, moving, wanted, share=share), finest)
    voxels = working_voxels(fixed, moving, spacing)
    if voxels <= limit:
        return spacing, []
    needed = f"{needed_memory(voxels, image_voxels) / 1e9:.1f} GB of memory would be needed"
    if limit < _LEAST_VOXELS:
        raise ResourceError(
            f"There is too little memory for images of this size: {free / 1e9:.1f} GB are free and {needed}. "
            "Close other programs, or crop or resample the images."
        )
    coarser = choose_spacing(fixed, moving, 0.0, min(limit, MAX_VOXELS), share)
    if wanted > 0:
        raise ResourceError(
            f"There is too little memory for a working spacing of {wanted:g} mm: {free / 1e9:.1f} GB are free and "
            f"{needed}. Give {coarser:.2f} mm or more, or none."
        )
    return coarser, [
        f"Working at {coarser:.2f} mm instead of {spacing:.2f} mm: {free / 1e9:.1f} GB of memory are free and {needed}."
    ]
