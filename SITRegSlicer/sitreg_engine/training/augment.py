"""What is random about a training pair's geometry: the pose of the pair, and what alignment left between its images."""

import numpy as np

from sitreg_engine.affine.matrices import expm, generators

from .settings import AugmentSettings

_RADIUS = 60.0  # mm; the generators' parameters are displacements at this distance from the centre


def random_poses(rng: np.random.Generator, poses: list[np.ndarray], settings: AugmentSettings) -> list[np.ndarray]:
    """The poses (4x4, common mm -> image mm) after one random affine of all and a small one of each."""
    s = settings
    common = _random_affine(rng, s.rotation, s.scale, s.shift)
    # Each image gets a part of the residual: between two of them it is about as large as the settings say.
    share = 1 / np.sqrt(2)
    return [
        pose
        @ _random_affine(rng, share * s.residual_rotation, share * s.residual_scale, share * s.residual_shift)
        @ common
        for pose in poses
    ]


def _random_affine(rng: np.random.Generator, rotation: float, scale: float, shift: float) -> np.ndarray:
    """exp of a random combination: rotations (degrees), scales and shears (relative) and shifts (mm) up to these."""
    parameters = rng.uniform(-1, 1, 12)
    parameters[:3] *= shift
    parameters[3:6] *= np.radians(rotation) * _RADIUS
    parameters[6] *= scale * _RADIUS
    parameters[7:] *= scale / 2 * _RADIUS
    return expm(np.tensordot(parameters, generators(_RADIUS), axes=1))
