"""DDR-Net as a user's choice."""

from dataclasses import dataclass

import torch
from torch import nn

from sitreg_engine.models.network_model import NetworkModel
from sitreg_engine.precision import convolution_dtype

from .network import DDRNet


@dataclass(frozen=True)
class DDRNetModel(NetworkModel):
    id = "ddrnet"
    title = "DDR-Net"
    kind = DDRNet
    default = "brain-t1-ddrnet"

    def precision(self, device: torch.device) -> str:
        """The U-Nets compute in the format that is fastest on the device, all else in float32."""
        reduced = convolution_dtype(device) == torch.bfloat16
        return "float32, convolutions in bfloat16" if reduced else "float32"

    def _moved(self, network: nn.Module, device: torch.device) -> nn.Module:
        return network.compute_blocks_in(convolution_dtype(device))
