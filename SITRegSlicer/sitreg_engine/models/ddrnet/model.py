"""DDR-Net as a user's choice."""

from dataclasses import dataclass

from sitreg_engine.models.network_model import NetworkModel

from .network import DDRNet


@dataclass(frozen=True)
class DDRNetModel(NetworkModel):
    id = "ddrnet"
    title = "DDR-Net"
    kind = DDRNet
    default = "brain-t1-ddrnet"
