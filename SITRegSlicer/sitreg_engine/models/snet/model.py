"""S-Net as a user's choice: its network's half-way maps; refined, they are optimised as any others."""

from dataclasses import dataclass

from sitreg_engine.models.halfway import HalfWay
from sitreg_engine.models.network_model import NetworkModel

from .network import SNet, SNetRegistration


@dataclass(frozen=True)
class SNetModel(NetworkModel):
    id = "snet"
    title = "S-Net"
    kind = SNet
    default = "brain-t1-snet"

    def _maps(self, found: SNetRegistration) -> HalfWay:
        """The network's, with a doubt when they had to be changed or could not be inverted well."""
        return found.halfway.doubted(tuple(_doubts(found)))


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
