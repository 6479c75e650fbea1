"""What a SITReg network is made of; enough to build one whose weights a checkpoint fits."""

from dataclasses import dataclass, field

from .inversion import InversionConfig


@dataclass(frozen=True)
class SITRegConfig:
    """Levels run from fine (scale 1) to coarse (scale 2^k)."""

    features: tuple[int, ...]  # channels of the feature pyramid, one number a level
    update_features: tuple[int, ...]  # channels of the update networks; coarser levels than these have none
    groups: int  # of GroupNorm in the extractor
    update_groups: int | None = None  # of GroupNorm in the update networks; None = they have none
    in_channels: int = 1
    convolutions: int = 2  # per block of the extractor
    update_convolutions: int = 2
    norm_first: bool = True  # Conv, GroupNorm, ReLU (since 2024-11); before: Conv, ReLU, GroupNorm
    multiplier: float = 0.99  # share of the invertibility bound that control values may use
    affine: bool = False  # predict an affine map first, from the coarsest features (of size 1 x 1 x 1)
    affine_chained: bool = False  # the affine network's second layer reads the first (until 2023-12), else the input
    voxel_size: tuple[float, float, float] = (1.0, 1.0, 1.0)  # mm; matters for the affine stage only
    inversion: InversionConfig = field(default_factory=InversionConfig)

    def describe(self) -> str:
        """One line for people."""
        parts = [
            f"{len(self.features)} levels",
            f"features {','.join(map(str, self.features))}",
            f"updates {','.join(map(str, self.update_features))}",
            f"GroupNorm {self.groups}" + (f", in updates {self.update_groups}" if self.update_groups else ""),
            "norm before ReLU" if self.norm_first else "norm after ReLU",
        ]
        return "; ".join(parts + (["affine stage"] if self.affine else []))


# Two of the published networks: for OASIS brains (MELBA 2024), and the winner of the LUMIR challenge of 2024.
OASIS = SITRegConfig((8, 40, 40, 40), (16, 72, 72, 72), groups=2)
LUMIR = SITRegConfig((12, 32, 64, 128, 128, 128), (12, 64, 128, 256, 256, 256), groups=4, update_groups=4)
