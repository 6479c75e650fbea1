"""Affine maps as matrix exponentials: parameters in mm, exact inverses by a change of sign."""

import numpy as np

from sitreg_engine.errors import AlignmentError

# How many of the 12 parameters each kind of alignment uses.
RIGID, SIMILARITY, AFFINE = 6, 7, 12


def generators(radius: float) -> np.ndarray:
    """(12, 4, 4): translations, rotations, isotropic scale, two scale ratios, three shears.

    Each parameter is in mm: it moves points at `radius` mm from the centre by about that much, which makes
    the twelve comparable for an optimiser.
    """
    basis = np.zeros((12, 4, 4))
    for axis in range(3):
        a, b = (axis + 1) % 3, (axis + 2) % 3
        basis[axis, axis, 3] = 1.0
        basis[3 + axis, b, a], basis[3 + axis, a, b] = 1 / radius, -1 / radius
        basis[6, axis, axis] = 1 / radius
        basis[9 + axis, a, b] = basis[9 + axis, b, a] = 1 / radius
    basis[7, :3, :3] = np.diag([1.0, -1.0, 0.0]) / radius
    basis[8, :3, :3] = np.diag([1.0, 1.0, -2.0]) / radius / np.sqrt(3)
    return basis


def expm(matrices: np.ndarray) -> np.ndarray:
    """Matrix exponentials of (..., n, n): scaling and squaring of a Taylor series."""
    largest = np.abs(matrices).sum(axis=-1).max(initial=1e-300)
    squarings = max(int(np.ceil(np.log2(largest / 0.25))), 0)
    scaled = matrices / 2.0**squarings
    result = term = np.broadcast_to(np.eye(matrices.shape[-1]), matrices.shape)
    for order in range(1, 13):
        term = term @ scaled / order
        result = result + term
    for _ in range(squarings):
        result = result @ result
    return result


def expm_derivatives(matrix: np.ndarray, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """exp(matrix) (4, 4) and its derivatives (n, 4, 4) along `directions` (n, 4, 4).

    They stand in the upper right block of exp([[M, D], [0, M]]) (Van Loan 1978).
    """
    blocks = np.zeros((len(directions), 8, 8))
    blocks[:, :4, :4] = blocks[:, 4:, 4:] = matrix
    blocks[:, :4, 4:] = directions
    return expm(matrix), expm(blocks)[:, :4, 4:]


def logm(matrix: np.ndarray) -> np.ndarray:
    """The real logarithm of a 4x4 affine matrix: inverse scaling and squaring. Raises AlignmentError as half_way."""
    roots, root = 0, matrix
    while np.abs(root[:3, :3] - np.eye(3)).max() > 0.05:
        root, roots = half_way(root), roots + 1
    x = root - np.eye(4)
    term, total = x, x
    for order in range(2, 25):
        term = -term @ x
        total = total + term / order
    return total * 2.0**roots


def half_way(matrix: np.ndarray) -> np.ndarray:
    """H with H @ H = matrix (4x4 affine): half of the alignment. The inverse of half is half of the inverse.

    The principal square root, by the iteration of Denman and Beavers (1976); it turns by half the angle. It ceases
    to exist as the turn nears 180 degrees: raises AlignmentError.
    """
    linear = _root(matrix[:3, :3])
    result = np.eye(4)
    result[:3, :3] = linear
    # H (H x + t') + t' gives (linear + 1) t' = translation.
    result[:3, 3] = np.linalg.solve(linear + np.eye(3), matrix[:3, 3])
    return result


def _root(linear: np.ndarray) -> np.ndarray:
    y, z = linear, np.eye(3)
    for _ in range(60):
        try:
            y, z = (y + np.linalg.inv(z)) / 2, (z + np.linalg.inv(y)) / 2
        except np.linalg.LinAlgError:
            break
        if np.abs(y @ y - linear).max() < 1e-14:
            break
    error = np.abs(y @ y - linear).max()
    if not error < 1e-9:
        raise AlignmentError(
            "The alignment turns one image by about 180 degrees against the other, so there is no pose half-way "
            "between them: correct the orientation in one image's header, or apply the turn to the image first."
        )
    return y
