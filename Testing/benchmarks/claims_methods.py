"""How each method is trained for the comparison: the same data, seed, steps and, where it allows them, losses.

All compare the images by local correlation, in the spaces of both images or of the fixed one (S-Net not in the
pseudo-mean as well: the tables of Docs/CLAIMS.md are of that); all fields are kept smooth by
squared differences with the weight that both VoxelMorph and SITReg were published with. What a method has beyond
that is its own. Learning rates are those of the project's own settings for it.
"""

from dataclasses import dataclass
from pathlib import Path

from accuracy_pairs import ROOT, data_folder
from claims_networks import BASELINE, ONE_WAY_DIFFUSION

from sitreg_engine.training.settings import (
    AugmentSettings,
    DataSettings,
    LossSettings,
    OptimiserSettings,
    RunSettings,
    StartSettings,
    ValidationSettings,
)

SPACING = 4.0  # mm
SEED = 1
_TABLE = ROOT / "SITRegSlicer" / "sitreg_engine" / "training" / "configs" / "ixi_train.csv"
_SMOOTH = 1.0
# Brains without skull and no augmentation, as in the papers; what alignment leaves open stays as in all our trainings.
_AUGMENT = AugmentSettings(rotation=0.0, scale=0.0, shift=0.0, strip=1.0)
# At 4 mm a brain still has chunks to be joined; its branches begin with about the variance that their prior leaves.
_DDRNET = {"chunk_voxels": 32768, "overlap": 16, "squarings": 5, "log_variance": -4.1}
_FOLDING = 6880.0  # of DDR-Net: the published 1e-3 for a sum over 6.88 million voxels, here for a mean


@dataclass(frozen=True)
class Method:
    """What is trained."""

    title: str
    model: str  # of NETWORKS
    network: dict
    losses: tuple[LossSettings, ...]
    rate: float = 1e-3
    after: str = ""  # the method that it begins with the weights of


def _alike(space: str) -> LossSettings:
    return LossSettings("local_ncc", window=5, space=space)


_FROM_BOTH_SIDES = (_alike("images"), LossSettings("diffusion", _SMOOTH))
_OF_A_BRANCH = (_alike("fixed"), LossSettings("kl", 0.02))

METHODS = {
    "baseline": Method("U-Net, one way", BASELINE, {}, (_alike("fixed"), LossSettings(ONE_WAY_DIFFUSION, _SMOOTH))),
    # Four levels, and fewer multiplications than the baseline has.
    "sitreg": Method(
        "SITReg, narrow",
        "sitreg",
        {"features": [8, 16, 32, 32], "update_features": [8, 24, 48, 48], "groups": 4},
        _FROM_BOTH_SIDES,
    ),
    "snet": Method(
        "S-Net", "snet", {}, (*_FROM_BOTH_SIDES, LossSettings("zero", 1e-3), LossSettings("anti_fold", 1e3))
    ),
    "ddrnet_global": Method("DDR-Net, global branch", "ddrnet", {"phase": "global", **_DDRNET}, _OF_A_BRANCH),
    # The first branch's weights come along, this one's own are those of its seed: the branches learn apart.
    "ddrnet_local": Method(
        "DDR-Net, local branch", "ddrnet", {"phase": "local", **_DDRNET}, _OF_A_BRANCH, after="ddrnet_global"
    ),
    "ddrnet": Method(
        "DDR-Net",
        "ddrnet",
        {"phase": "fusion", **_DDRNET, "chunk_voxels": 131072},  # the branches have learnt: four quarters do
        (_alike("fixed"), LossSettings("velocity_gradient", _SMOOTH), LossSettings("negative_jacobian", _FOLDING)),
        after="ddrnet_local",
    ),
    # Sines of sines bear no higher rate.
    "nephi": Method(
        "NePhi",
        "nephi",
        {"shape": [48, 48, 48], "norm": "group"},
        (
            LossSettings("sampled_contrast_ncc", window=5, points=4000),
            LossSettings("gradicon", 10.0, points=100),
            LossSettings("latent_prior", 0.01),
        ),
        rate=2e-4,
    ),
}


def settings_of(name: str, steps: int, run: Path, start: Path | None) -> RunSettings:
    """A whole training of METHODS[name] into the folder `run`; `start`: a run whose weights it begins with."""
    method = METHODS[name]
    data = DataSettings(str(_TABLE), str(data_folder() / "brain_ixi_2mm"), str(ROOT / "runs" / "cache"), SPACING)
    return RunSettings(
        run=str(run),
        network=method.network,
        data=data,
        losses=method.losses,
        model=method.model,
        seed=SEED,
        steps=steps,
        log_every=1,
        device="cpu",
        augment=_AUGMENT,
        optimiser=OptimiserSettings(learning_rate=method.rate, warm_up=20, schedule="constant", ema=0.99),
        validation=ValidationSettings(every=steps + 1, pairs=0),  # the last weights are judged, not the best
        start=StartSettings(weights=str(start) if start else ""),
    )
