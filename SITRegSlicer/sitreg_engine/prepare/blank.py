"""An image that was blanked where the other one shows something: a brain without its skull against a whole head.

What was blanked says nothing. Compared as if it were seen, the rim of the brain is drawn to the scalp: on heads against
stripped brains (IXI, aligned Dice 0.53) registration came to 0.39 that way, and to 0.66 when blank places are no
part of the field of view.
"""

import numpy as np
import torch
from torch import Tensor

from sitreg_engine.foreground import constant_background
from sitreg_engine.geometry import Grid, apply
from sitreg_engine.images import Volume

from .resample import resample

# Share of what the other image shows: of a head, two thirds are not brain; two aligned heads differ by a tenth.
_MUCH = 0.25
_ALL = 0.99  # of the weight in an interpolated value: no blank voxel has a part in it


def is_blanked(image: Volume, shown: Volume, other_shown: Volume, to_image: np.ndarray) -> bool:
    """Whether much of what the other image shows, in this one's field of view, lies in this one's constant background.

    shown, other_shown: what each shows, bool Volumes; to_image: 4x4, mm of the other image -> mm of this one.
    """
    if constant_background(image.array) is None:
        return False
    places = apply(to_image @ other_shown.grid.voxel_to_world, np.argwhere(other_shown.array))
    within, _ = _looked_up(places, image.grid)
    _, index = _looked_up(places[within], shown.grid)
    return bool(index.shape[1]) and 1 - shown.array[tuple(index)].mean() > _MUCH


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
