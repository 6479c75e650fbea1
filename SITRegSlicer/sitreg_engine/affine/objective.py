"""The symmetric cost of an affine map between two images, and its gradient.

Points of the fixed image are looked up in the moving one through A, points of the moving image in the fixed one through
the inverse, and both count alike: swapping the images changes the sign of the parameters and nothing else.
"""

from dataclasses import dataclass

import numpy as np

from .levels import Level
from .matrices import expm, expm_derivatives, generators
from .mutual_information import score

# Price of points that fall outside the other image, in nats for all of them (beside the information that is lost:
# that of few points is high by chance, so it counts in proportion to the overlap).
OVERLAP_PRICE = 0.3
# Price of changes of size and shape, in nats at a change of 25 %: too little to be felt by a head,
# enough to hold a crop without features.
SHAPE_PRICE, SHAPE_CHANGE = 0.02, 0.25


@dataclass(frozen=True)
class Centring:
    """How 12 parameters (mm) stand for a map: A = T(moving_centre) exp(sum p_k G_k) T(-fixed_centre)."""

    fixed_centre: np.ndarray  # (3,), mm
    moving_centre: np.ndarray  # (3,), mm
    radius: float  # mm

    def matrix(self, parameters: np.ndarray) -> np.ndarray:
        """4x4, fixed -> moving, of n <= 12 parameters."""
        linear = np.tensordot(parameters, generators(self.radius)[: len(parameters)], axes=1)
        return translation(self.moving_centre) @ expm(linear) @ translation(-self.fixed_centre)


@dataclass(frozen=True)
class LevelPair:
    """Both images at one resolution, and the meaning of the parameters."""

    fixed: Level
    moving: Level
    centring: Centring


def translation(offset: np.ndarray) -> np.ndarray:
    """4x4 translation by (3,) mm."""
    matrix = np.eye(4)
    matrix[:3, 3] = offset
    return matrix


def cost(pair: LevelPair, parameters: np.ndarray) -> tuple[float, np.ndarray]:
    """Cost in nats (lower is better) of n <= 12 parameters (mm) and its gradient (n,)."""
    c = pair.centring
    there = _one_way(pair.fixed, pair.moving, c.fixed_centre, c.moving_centre, c.radius, parameters)
    back = _one_way(pair.moving, pair.fixed, c.moving_centre, c.fixed_centre, c.radius, -parameters)
    # A crop lies wholly within the whole: the overlap is good when it is good from either side.
    missed = (1 - there[1]) * (1 - back[1])
    missed_gradient = -there[3] * (1 - back[1]) + back[3] * (1 - there[1])
    information, information_gradient = (there[0] + back[0]) / 2, (there[2] - back[2]) / 2
    shape, shape_gradient = _shape_price(parameters, c.radius)
    value = -information * (1 - missed) + OVERLAP_PRICE * missed + shape
    gradient = -information_gradient * (1 - missed) + (information + OVERLAP_PRICE) * missed_gradient
    return value, gradient + shape_gradient


def _one_way(source: Level, target: Level, source_centre, target_centre, radius: float, parameters: np.ndarray):
    """Information, overlap, and the gradients (n,) of both, of the source's points looked up in the target."""
    basis = generators(radius)[: len(parameters)]
    exponential, derivatives = expm_derivatives(np.tensordot(parameters, basis, axes=1), basis)
    centred = source.points - source_centre
    linear = target.world_to_voxel[:3, :3]
    offset = linear @ (exponential[:3, 3] + target_centre) + target.world_to_voxel[:3, 3]
    found = score(source.values, target.image, _mapped(centred, linear @ exponential[:3, :3]) + offset)
    gradients = []
    for per_point in (found.information_gradient, found.overlap_gradient):
        moment = np.concatenate([np.einsum("ni,nj->ij", per_point, centred), per_point.sum(axis=0)[:, None]], axis=1)
        gradients.append(np.tensordot(derivatives[:, :3], linear.T @ moment, axes=2))
    return found.information, found.overlap, gradients[0], gradients[1]


def _mapped(points: np.ndarray, linear: np.ndarray) -> np.ndarray:
    """Points (N, 3) through a 3x3 matrix, without BLAS: its threads cost more than they bring in products so thin."""
    return points[:, :1] * linear[:, 0] + points[:, 1:2] * linear[:, 1] + points[:, 2:] * linear[:, 2]


def _shape_price(parameters: np.ndarray, radius: float) -> tuple[float, np.ndarray]:
    shape = parameters.copy()
    shape[:6] = 0.0
    price = SHAPE_PRICE / (SHAPE_CHANGE * radius) ** 2
    return price * float(shape @ shape), 2 * price * shape
