"""S-Net as a user's choice: its network's half-way maps; refined, they are optimised as any others."""

from dataclasses import dataclass

import torch
from torch import nn

from sitreg_engine.models.network_model import NetworkModel
from sitreg_engine.precision import convolution_dtype

from .network import SNet


@dataclass(frozen=True)
class SNetModel(NetworkModel):
    id = "snet"
    title = "S-Net"
    kind = SNet
    default = "brain-t1-snet"

    def precision(self, device: torch.device) -> str:
        """Convolutions are computed in the format that is fastest on the device, all else in float32."""
        reduced = self.network is not None and convolution_dtype(device) == torch.bfloat16
        return "float32, convolutions in bfloat16" if reduced else "float32"

    def _moved(self, network: nn.Module, device: torch.device) -> nn.Module:
        return network.compute_blocks_in(convolution_dtype(device))
