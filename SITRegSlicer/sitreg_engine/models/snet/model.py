"""S-Net as a user's choice: its network's half-way maps; refined, they are optimised as any others."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sitreg_engine.models.halfway import DoubtedHalfWay, HalfWay
from sitreg_engine.models.network_model import NetworkModel
from sitreg_engine.precision import convolution_dtype

from .network import SNet, SNetRegistration


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

    @torch.inference_mode()
    def predict(self, moving: Tensor, fixed: Tensor, device: torch.device) -> HalfWay | None:
        """The network's half-way maps, with a doubt when they had to be changed or could not be inverted well."""
        if self.network is None:
            return None
        found = self._on(device)(moving.to(device), fixed.to(device))
        doubts = tuple(_doubts(found))
        return DoubtedHalfWay(**vars(found.halfway), doubts=doubts) if doubts else found.halfway

    def _moved(self, network: nn.Module, device: torch.device) -> nn.Module:
        return network.compute_blocks_in(convolution_dtype(device))


def _doubts(found: SNetRegistration) -> list[str]:
    share = float(found.share.min())
    told = []
    if share < 1:
        told.append(
            f"What S-Net predicted was too steep to be inverted, so {share:.0%} of it was taken: the images were "
            "perhaps too far apart, or unlike those that it was trained on."
        )
    if not found.converged:
        told.append(
            f"S-Net's maps could not be inverted as exactly as wanted: {found.residual:.3f} voxels are left of "
            f"{found.tolerance:g}."
        )
    return told
