"""An image that was blanked where the other one shows something: a brain without its skull against a whole head.

What was blanked says nothing. Compared as if it were seen, the rim of the brain is drawn to the scalp: a stripped
brain against a head (one IXI pair, aligned Dice 0.53) came to 0.39 that way, and to 0.66 when blank places are no part
of the field of view.
"""

import numpy as np
import torch
from torch import Tensor

from sitreg_engine.foreground import constant_background, grown, shrunk, size_of
from sitreg_engine.geometry import Grid, apply
from sitreg_engine.images import Volume

from .resample import resample

# Share of the other image's edges, by their squared slopes. Measured: 0.43 to 0.64 of heads against stripped brains, up
# to 0.08 of heads against heads. (Not of its bright voxels: air is bright in a negative, and noisy air fills many.)
_MUCH = 0.2
_MARGIN = 0.07  # of the size of what is shown: the skin of two aligned heads is no more apart than that
_SPACING = 4.0  # mm, that edges are looked for at
_ALL = 0.99  # of the weight in an interpolated value: no blank voxel has a part in it


def is_blanked(image: Volume, shown: Volume, other: Volume, to_image: np.ndarray) -> bool:
    """Whether much of what the other image shows, within this one's view, lies in this one's constant background.

    shown: what this one shows, a bool Volume; to_image: 4x4, mm of the other image -> mm of this one.
    """
    if constant_background(image.array) is None:
        return False
    reach = _MARGIN * size_of(shown)
    if reach < _SPACING:
        return False  # too small for edges that are looked for at this spacing
    near = grown(shown, reach)
    few = shrunk(other, _SPACING)
    edges = sum((slope**2 for slope in _slopes(few.array)), start=np.zeros(few.array.shape))
    places = apply(to_image @ few.grid.voxel_to_world, np.indices(few.array.shape).reshape(3, -1).T)
    within, _ = _looked_up(places, image.grid)
    _, index = _looked_up(places[within], near.grid)
    seen = edges.ravel()[within]
    return bool(seen[~near.array[tuple(index)]].sum() > _MUCH * seen.sum())


def _slopes(array: np.ndarray) -> list[np.ndarray]:
    """Along each axis that has any."""
    return [np.gradient(array.astype(np.float64), axis=axis) for axis, n in enumerate(array.shape) if n > 1]


def _looked_up(places: np.ndarray, grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    """Which of the places (N, 3), mm, lie within the grid (N,), and the index (3, N) of the voxel nearest to each."""
    index = np.rint(apply(grid.world_to_voxel, places)).astype(int)
    nearest = np.clip(index, 0, np.array(grid.shape) - 1)
    return (index == nearest).all(axis=1), nearest.T


def not_blank(image: Volume, working: Grid, to_image: np.ndarray) -> Tensor:
    """(1, 1, I, J, K) float32: 1 where the working grid's point lies among voxels that were not blanked, else 0.

    to_image: 4x4, the working grid's mm -> the image's LPS mm.
    """
    shows = (image.array != constant_background(image.array)).astype(np.float32)
    return (resample(shows, image.grid, working, to_image) > _ALL).to(torch.float32)
