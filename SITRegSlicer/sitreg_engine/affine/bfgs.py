"""The quasi-Newton minimiser of the alignment: small, dense and the same on every run."""

from collections.abc import Callable

import numpy as np

Function = Callable[[np.ndarray], tuple[float, np.ndarray]]  # parameters (n,) -> value and gradient (n,)


def minimise(function: Function, start: np.ndarray, steps: int, first_step: float, tolerance: float) -> np.ndarray:
    """Parameters near `start` at which `function` is least: BFGS with a backtracking line search.

    Ends after `steps` iterations, when a step is shorter than `tolerance` or when no step goes down. The first
    step has the length `first_step`; no later one is longer than twice that. Parameters share one unit (mm).
    """
    x, (value, gradient) = start, function(start)
    inverse = np.eye(len(x)) * first_step / max(np.linalg.norm(gradient), 1e-12)
    for step in range(steps):
        direction = _limited(-inverse @ gradient, 2 * first_step)
        found = _descend(function, x, value, gradient, direction)
        if found is None:
            break
        moved, value, new_gradient = found
        s, y = moved - x, new_gradient - gradient
        x, gradient = moved, new_gradient
        if np.linalg.norm(s) < tolerance:
            break
        inverse = _update(inverse, s, y, first=step == 0)
    return x


def _limited(step: np.ndarray, longest: float) -> np.ndarray:
    return step * min(1.0, longest / max(np.linalg.norm(step), 1e-12))


def _descend(function: Function, x: np.ndarray, value: float, gradient: np.ndarray, direction: np.ndarray):
    """The first of ever shorter steps that goes down enough (Armijo), or None."""
    slope = float(gradient @ direction)
    if not slope < 0:
        return None
    length = 1.0
    for _ in range(12):
        new_value, new_gradient = function(x + length * direction)
        if new_value <= value + 1e-4 * length * slope:
            return x + length * direction, new_value, new_gradient
        # The minimum of the parabola through both values and the slope, kept within sensible bounds.
        parabola = -slope * length / (2 * ((new_value - value) / length - slope))
        length = min(max(parabola, 0.1 * length), 0.5 * length)
    return None


def _update(inverse: np.ndarray, s: np.ndarray, y: np.ndarray, first: bool) -> np.ndarray:
    """The BFGS update of the inverse Hessian; left alone where the function curves downwards."""
    curvature = float(s @ y)
    if curvature <= 1e-12 * np.linalg.norm(s) * np.linalg.norm(y):
        return inverse
    if first:
        inverse = np.eye(len(s)) * curvature / float(y @ y)
    left = np.eye(len(s)) - np.outer(s, y) / curvature
    return left @ inverse @ left.T + np.outer(s, s) / curvature
