"""The known truth: how the moving head differs from the fixed one.

`to_fixed` is a formula; `to_moving`, its inverse, is found by iteration, which converges because the smooth part
changes by less than half a millimetre per millimetre. Points are (..., 3), LPS mm.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Truth:
    """An affine pose and a sum of smooth bumps: x = A (y + u(y)) + t."""

    matrix: np.ndarray  # (3, 3)
    shift: np.ndarray  # (3,) mm
    centres: np.ndarray  # (n, 3) mm, in the moving head's own frame
    pushes: np.ndarray  # (n, 3) mm
    widths: np.ndarray  # (n,) mm

    def to_fixed(self, moving: np.ndarray) -> np.ndarray:
        """Where points of the moving world lie in the fixed one."""
        own = moving - self.shift
        return (own + self.bumps(own)) @ self.matrix.T

    def to_moving(self, fixed: np.ndarray) -> np.ndarray:
        """Where points of the fixed world lie in the moving one; exact to less than 1e-6 mm."""
        target = fixed @ np.linalg.inv(self.matrix).T
        own = target
        for _ in range(40):
            own = target - self.bumps(own)
        return own + self.shift

    def bumps(self, points: np.ndarray) -> np.ndarray:
        """The smooth part u, mm."""
        total = np.zeros_like(points)
        for centre, push, width in zip(self.centres, self.pushes, self.widths, strict=True):
            distance = ((points - centre) ** 2).sum(axis=-1, keepdims=True)
            total += push * np.exp(-distance / (2 * width**2))
        return total


def make_truth(seed: int) -> Truth:
    """A turned, shifted, slightly larger head whose inside differs by up to about a centimetre."""
    random = np.random.default_rng(seed)
    count = 30
    pushes = random.normal(size=(count, 3))
    pushes *= random.uniform(3.0, 6.0, (count, 1)) / np.linalg.norm(pushes, axis=1, keepdims=True)
    return Truth(
        matrix=rotation(0, -7) @ rotation(1, 4) @ rotation(2, 11) @ np.diag([0.95, 1.04, 0.97]),
        shift=np.array([18.0, -25.0, 31.0]),
        centres=random.uniform((-60, -78, -50), (60, 78, 68), (count, 3)),
        pushes=pushes,
        widths=random.uniform(14, 24, count),
    )


def rotation(axis: int, degrees: float) -> np.ndarray:
    """3x3 rotation about a world axis."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    matrix = np.eye(3)
    first, second = [n for n in range(3) if n != axis]
    matrix[first, first], matrix[first, second], matrix[second, first], matrix[second, second] = c, -s, s, c
    return matrix
