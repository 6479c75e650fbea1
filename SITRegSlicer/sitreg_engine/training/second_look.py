"""What a first look leaves: pairs to learn looking again from, as predict.py asks for it at half the spacing."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sitreg_engine.mappings import identity, sample, warp
from sitreg_engine.prepare.layout import rounded_shape
from sitreg_engine.refine.instance import on_shape

from .parts import part_of
from .validate import on_device
from .views import Group, View


@torch.no_grad()
def left_by_first_look(network: nn.Module, group: Group, seed: tuple[int, ...]) -> Group:
    """The pair as the network brings it together half-way, looking with voxels twice as large; of its grid, a box.

    The box has half of each side, and so about as many voxels as the network's first look had. It lies at random, and
    the middle of the grid is always in it. The network's own random draws are off.
    """
    device = next(network.parameters()).device
    views = [on_device(view, device) for view in group.views]
    learning = network.training
    network.eval()
    maps = network(*(F.avg_pool3d(view.image, 2) for view in views)).halfway
    network.train(learning)
    shape = tuple(views[0].image.shape[2:])
    maps = on_shape(maps, shape, views[0].image)
    brought = tuple(_through(view, u) for view, u in zip(views, (maps.left, maps.right), strict=True))
    return part_of(Group(brought, group.spacing), _box(shape, np.random.default_rng(seed)))


def _through(view: View, u: Tensor) -> View:
    """All of the view at x + u(x)."""
    labels = view.labels
    if labels is not None:
        places = identity(tuple(u.shape[2:]), u) + u
        labels = sample(labels.to(u.dtype), places, mode="nearest").to(labels.dtype)
    image, target, seen = (warp(tensor, u) for tensor in (view.image, view.target, view.seen))
    return View(image, target, seen, labels, None if view.mask is None else warp(view.mask, u))


def _box(shape: tuple[int, int, int], rng: np.random.Generator) -> tuple[slice, ...]:
    sizes = [min(size, n) for size, n in zip(rounded_shape(np.array(shape) / 2), shape, strict=True)]
    starts = [int(rng.integers(n - size + 1)) for size, n in zip(sizes, shape, strict=True)]
    return tuple(slice(start, start + size) for start, size in zip(starts, sizes, strict=True))
