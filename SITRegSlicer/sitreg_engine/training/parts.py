"""What of a group a network learns from in a step: all of it, or a part that the network chooses."""

import numpy as np
from torch import nn

from .views import Group, View


def part_to_learn(network: nn.Module, group: Group, seed: tuple[int, ...]) -> Group:
    """The group on the part of its grid that `network.training_part(shape, rng)` names, where a network has that."""
    if not hasattr(network, "training_part"):
        return group
    shape = tuple(group.views[0].image.shape[2:])
    place = network.training_part(shape, np.random.default_rng(seed))
    if place is None:
        return group
    return part_of(group, place)


def part_of(group: Group, place: tuple[slice, ...]) -> Group:
    """The group on the voxels `place` of its grid."""
    return Group(tuple(_part(view, place) for view in group.views), group.spacing)


def _part(view: View, place: tuple[slice, ...]) -> View:
    return View(*(None if tensor is None else tensor[(..., *place)].contiguous() for tensor in vars(view).values()))
