"""SITReg: a feature pyramid per image, and from coarse to fine one anti-symmetric update of the half-way space.

Swapping the images swaps the two resulting maps bit by bit (on a CPU): features come from shared weights, each update
network sees the difference of the features and their sum, and everything after it is symmetric by construction.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sitreg_engine.mappings import identity, sample

from .affine_head import AffineHead, HalfAffines, transform, whole_maps
from .bounds import bound
from .config import SITRegConfig
from .extractor import ConvolutionBlock, FeatureExtractor
from .halfway import HalfWay, updated
from .splines import upsample


@dataclass(frozen=True)
class Level:
    """What one level did."""

    scale: int  # voxels per control point
    control_12: Tensor  # (N, 3, i, j, k) control values in control-grid voxels, images in the given order
    control_21: Tensor  # the same for the images swapped
    halfway: HalfWay  # after this level


@dataclass(frozen=True)
class Registration:
    """Displacements (N, 3, I, J, K) in voxels. image_1 sampled at x + f12(x) resembles image_2, and vice versa."""

    f12: Tensor  # on the grid of image 2, into image 1
    f21: Tensor  # on the grid of image 1, into image 2
    halfway: HalfWay  # the dense part
    affines: HalfAffines | None = None  # what goes around it, when the network has an affine stage
    levels: tuple[Level, ...] = ()  # coarse to fine, when asked for


class UpdateNetwork(nn.Module):
    """Difference and sum of the two images' features -> control values within the bound of their level."""

    def __init__(self, level: int, config: SITRegConfig):
        super().__init__()
        width = config.update_features[level]
        self.block = ConvolutionBlock(
            2 * config.features[level], width, config.update_convolutions, config.update_groups, config.norm_first
        )
        self.final = nn.Conv3d(width, 3, 1)
        self.limit = config.multiplier * bound((2**level,) * 3)

    def forward(self, difference: Tensor, total: Tensor) -> Tensor:
        """Two (N, F, i, j, k) -> (N, 3, i, j, k)."""
        return self.limit * torch.tanh(self.final(self.block(torch.cat([difference, total], dim=1))))


class SITReg(nn.Module):
    def __init__(self, config: SITRegConfig):
        super().__init__()
        self.config = config
        self.extractor = FeatureExtractor(config)
        self.updates = nn.ModuleList(UpdateNetwork(level, config) for level in range(len(config.update_features)))
        self.affine = AffineHead(config) if config.affine else None

    def forward(self, image_1: Tensor, image_2: Tensor, keep_levels: bool = False) -> Registration:
        """Images (N, C, I, J, K) of one grid, any size, normalised as in training."""
        pyramid_1, pyramid_2 = self.extractor(image_1), self.extractor(image_2)
        shape = tuple(image_1.shape[2:])
        affines = self.affine(pyramid_1[-1], pyramid_2[-1], shape) if self.affine else None
        state, levels = None, []
        for level in reversed(range(len(self.config.features))):
            features_1, features_2 = pyramid_1.pop(), pyramid_2.pop()  # freed when the level is done
            if level >= len(self.updates):
                continue
            control_12, control_21 = self._control(level, features_1, features_2, state, affines)
            del features_1, features_2
            u_12, u_21 = (upsample(control, 2**level, shape) for control in (control_12, control_21))
            state = updated(state, u_12, u_21, self.config.inversion)
            if keep_levels:
                levels.append(Level(2**level, control_12, control_21, state))
        return Registration(*whole_maps(state, affines), state, affines, tuple(levels))

    def _control(
        self, level: int, features_1: Tensor, features_2: Tensor, state: HalfWay | None, affines: HalfAffines | None
    ) -> tuple[Tensor, Tensor]:
        """The level's control values for the images in their order, and swapped."""
        warped_1 = warp_features(features_1, state and state.left, 2**level, affines and affines.left)
        warped_2 = warp_features(features_2, state and state.right, 2**level, affines and affines.right)
        difference, total = warped_1 - warped_2, warped_1 + warped_2
        return self.updates[level](difference, total), self.updates[level](-difference, total)


def warp_features(features: Tensor, half_map: Tensor | None, scale: int, affine: Tensor | None = None) -> Tensor:
    """A level's features (N, F, i, j, k) seen from the half-way space, by a displacement on the full grid.

    Feature voxel j of scale s lies at s * j + (s - 1) / 2 of the full grid. half_map None: nothing has moved yet.
    """
    if half_map is None and affine is None:
        return features
    shift = (scale - 1) / 2
    positions = scale * identity(tuple(features.shape[2:]), features) + shift
    if half_map is not None:
        positions = positions + sample(half_map, positions)
    if affine is not None:
        positions = transform(affine, positions)
    return sample(features, (positions - shift) / scale)
