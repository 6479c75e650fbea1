"""What a training minimises: LOSSES by name, each a function of a registered group and its settings."""

from collections.abc import Callable

from torch import Tensor

from sitreg_engine.errors import InputError
from sitreg_engine.training.scored import Scored
from sitreg_engine.training.settings import LossSettings

from .agreement import global_ncc, local_ncc, mse
from .consistency import group_consistency, inverse_consistency
from .folding import negative_jacobian, non_diffeomorphic_volume
from .half_displacement import anti_fold, laplacian, zero
from .overlap import soft_dice
from .sampled import gradicon, latent_prior, sampled_contrast_ncc, sampled_ncc, taught
from .smoothness import bending, diffusion
from .velocity import kl, velocity_gradient

Loss = Callable[[Scored, LossSettings], Tensor]

LOSSES: dict[str, Loss] = {
    "local_ncc": local_ncc,
    "mse": mse,
    "global_ncc": global_ncc,
    "diffusion": diffusion,
    "bending": bending,
    "negative_jacobian": negative_jacobian,
    "ndv": non_diffeomorphic_volume,
    "group_consistency": group_consistency,
    "inverse_consistency": inverse_consistency,
    "soft_dice": soft_dice,
    "laplacian": laplacian,
    "zero": zero,
    "anti_fold": anti_fold,
    "velocity_gradient": velocity_gradient,
    "kl": kl,
    "sampled_ncc": sampled_ncc,
    "sampled_contrast_ncc": sampled_contrast_ncc,
    "gradicon": gradicon,
    "latent_prior": latent_prior,
    "taught": taught,
}


def check_losses(settings: tuple[LossSettings, ...], group: int) -> None:
    """Raises InputError for unknown names, none at all, one given twice, even windows, a triplet's loss on pairs."""
    if not settings:
        raise InputError("A training needs at least one loss: add [[losses]] with one of " + ", ".join(LOSSES) + ".")
    for given in settings:
        if given.name not in LOSSES:
            raise InputError(f"A loss must be one of {', '.join(LOSSES)}, got {given.name!r}.")
        if given.window % 2 == 0:
            raise InputError(f"A window has a voxel in its middle: losses.window must be odd, got {given.window}.")
        if given.name == "group_consistency" and group != 3:
            raise InputError(f"The loss group_consistency compares three images: set group = 3, got {group}.")
    names = _log_names(settings)
    if len(set(names)) < len(names):
        raise InputError(f"A loss may be given once for each space, got {', '.join(names)}.")


def evaluate(scored: Scored, settings: tuple[LossSettings, ...]) -> tuple[Tensor, dict[str, float]]:
    """The weighted sum, a scalar with gradients, and each loss without its weight for the log."""
    values = [LOSSES[given.name](scored, given) for given in settings]
    total = sum(given.weight * value for given, value in zip(settings, values, strict=True))
    return total, {name: float(value.detach()) for name, value in zip(_log_names(settings), values, strict=True)}


def _log_names(settings: tuple[LossSettings, ...]) -> list[str]:
    """The losses' names; with the space where the same one is taken in several."""
    names = [given.name for given in settings]
    return [f"{given.name}_{given.space}" if names.count(given.name) > 1 else given.name for given in settings]


__all__ = ["LOSSES", "Loss", "check_losses", "evaluate"]
