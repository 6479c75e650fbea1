"""A branch of DDR-Net: the U-Net that says what velocities two images suggest, and how sure it is of them."""

import torch
from torch import Tensor, nn

from sitreg_engine.models.unet import UNet, UNetConfig, flow_head

from .registration import Posterior


class VariationalUNet(nn.Module):
    """Two images -> a normal distribution of each voxel's velocity (Dalca et al., MICCAI 2018)."""

    def __init__(self, config: UNetConfig, log_variance: float):
        super().__init__()
        self.unet = UNet(config)
        self.mean_head = flow_head(config.final[-1])
        self.log_variance_head = flow_head(config.final[-1], deviation=1e-10, bias=log_variance)

    def forward(self, images: Tensor) -> Posterior:
        """Images (N, 2, i, j, k): the source, then the target."""
        features = self.unet(images)
        return Posterior(*(head(features).contiguous() for head in (self.mean_head, self.log_variance_head)))

    def mean(self, images: Tensor) -> Tensor:
        """The likeliest velocity (N, 3, i, j, k) in voxels, for less than the whole distribution costs."""
        return self.mean_head(self.unet(images)).contiguous()


def average_of_two() -> nn.Conv3d:
    """The convolution that joins two velocities (N, 6, ...); at first it takes their average.

    Both are estimates of the whole motion, none is a rest that the other leaves.
    """
    convolution = nn.Conv3d(6, 3, 3, padding=1)
    with torch.no_grad():
        convolution.weight.zero_()
        convolution.bias.zero_()
        for axis in range(3):
            convolution.weight[axis, [axis, axis + 3], 1, 1, 1] = 0.5
    return convolution
