"""Landmarks from a table or from Slicer."""

import csv
import json
from pathlib import Path

import numpy as np

from sitreg_engine.errors import InputError

_TO_LPS = {"LPS": np.array([1.0, 1.0, 1.0]), "RAS": np.array([-1.0, -1.0, 1.0])}


def read_points(path: str, role: str = "points file") -> np.ndarray:
    """Points (N, 3), LPS mm, float64, in the file's order.

    A `.json` file is taken for Slicer's markups (`.mrk.json`, LPS or RAS as it says); anything else for a table
    with x, y, z in LPS mm separated by commas: three columns, or more with a header that names x, y and z. Empty
    lines and lines that begin with # are skipped. Raises InputError when it is neither, or holds no points.
    """
    text = _text(path, role)
    points = _from_markups(text, path, role) if str(path).lower().endswith(".json") else _from_table(text, path, role)
    if not len(points):
        raise InputError(f"The {role} {path} holds no points.")
    if not np.isfinite(points).all():
        raise InputError(f"The {role} must hold finite numbers, {path} has some that are NaN or infinite.")
    return points


def check_pairing(fixed: np.ndarray, moving: np.ndarray) -> None:
    """Landmarks are compared in pairs. Raises InputError when there are more on one side."""
    if len(fixed) != len(moving):
        raise InputError(
            "Landmarks come in pairs, the same number in the same order; "
            f"given {len(fixed)} fixed and {len(moving)} moving points."
        )


def _text(path: str, role: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise InputError(f"There is no file for the {role} at {path}. Check the path.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"The {role} could not be read as text: {path} ({error}).") from error


def _from_table(text: str, path: str, role: str) -> np.ndarray:
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    try:
        rows = [[cell.strip() for cell in row] for row in csv.reader(lines)]
    except csv.Error as error:
        raise InputError(f"The {role} is no table: {path} ({error}).") from error
    columns = [0, 1, 2]
    if rows and not _is_number(rows[0][0]):
        names = [cell.lower() for cell in rows.pop(0)]
        if not {"x", "y", "z"} <= set(names):
            raise InputError(f"The {role} must have the columns x, y, z, {path} has {', '.join(names)}.")
        columns = [names.index(axis) for axis in "xyz"]
    elif any(len(row) != 3 for row in rows):
        raise InputError(f"The {role} must have three numbers x,y,z per line (LPS mm), {path} has other lines.")
    try:
        return np.array([[float(row[c]) for c in columns] for row in rows], dtype=np.float64).reshape(-1, 3)
    except (ValueError, IndexError) as error:
        raise InputError(f"The {role} must have three numbers on every line, {path} does not ({error}).") from error


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _from_markups(text: str, path: str, role: str) -> np.ndarray:
    try:
        markups = json.loads(text)["markups"]
        node = markups[0]
        points = [(point.get("positionStatus", "defined"), point["position"]) for point in node["controlPoints"]]
    except (json.JSONDecodeError, LookupError, TypeError, AttributeError) as error:
        raise InputError(f"The {role} is no Slicer markups file: {path} ({error!r}).") from error
    if len(markups) != 1:
        raise InputError(f"The {role} must hold one list of points, {path} holds {len(markups)}.")
    if any(status != "defined" for status, _ in points):
        raise InputError(f"The {role} {path} has points that were never placed: place or delete them in Slicer.")
    system = node.get("coordinateSystem", "LPS")
    if system not in _TO_LPS:
        raise InputError(f"The {role} must be in LPS or RAS, {path} is in {system!r}.")
    try:
        if any(len(place) != 3 for _, place in points):
            raise ValueError
        return np.array([place for _, place in points], dtype=np.float64).reshape(-1, 3) * _TO_LPS[system]
    except (ValueError, TypeError) as error:
        raise InputError(f"The {role} {path} has a point that is not three numbers.") from error
