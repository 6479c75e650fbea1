"""How good the result is, from the saved files alone and against the known truth: nothing of the engine's own words
but the seconds and the folds."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from anatomy import LABELS
from phantom import Files

from sitreg_engine.contract import Result


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    what: str
    before: str
    after: str


def score(files: Files, result: Result) -> list[Row]:
    """The rows of the demonstration's table."""
    forward = sitk.ReadTransform(result.outputs["forward"])
    inverse = sitk.ReadTransform(result.outputs["inverse"])
    fixed_points, moving_points = (
        np.loadtxt(path, delimiter=",", skiprows=1) for path in (files.fixed_points, files.moving_points)
    )
    mapped = _through(forward, fixed_points)
    before = np.linalg.norm(moving_points - fixed_points, axis=1)
    after = np.linalg.norm(mapped - moving_points, axis=1)
    there_and_back = np.linalg.norm(_through(inverse, mapped) - fixed_points, axis=1)
    dice_before, dice_after = _dice(files, result)
    folds = {m.name: m.value for m in result.measures}
    return [
        Row(f"Dice, mean of {len(LABELS)} structures", f"{dice_before.mean():.3f}", f"{dice_after.mean():.3f}"),
        Row("Dice, worst structure", f"{dice_before.min():.3f}", f"{dice_after.min():.3f}"),
        Row(f"distance to the truth, mean of {len(after)} points (mm)", f"{before.mean():.2f}", f"{after.mean():.2f}"),
        Row(
            "distance to the truth, 95 % of the points (mm)", *(f"{np.percentile(d, 95):.2f}" for d in (before, after))
        ),
        Row("folded voxels, either direction", "", f"{folds['forward_folds'] + folds['inverse_folds']:.0f}"),
        Row("there and back again, mean (mm)", "", f"{there_and_back.mean():.3f}"),
        Row("there and back again, largest (mm)", "", f"{there_and_back.max():.3f}"),
        Row(f"seconds ({result.device})", "", f"{sum(result.seconds.values()):.0f}"),
    ]


def _through(transform: sitk.Transform, points: np.ndarray) -> np.ndarray:
    return np.array([transform.TransformPoint(tuple(point)) for point in points])


def _dice(files: Files, result: Result) -> tuple[np.ndarray, np.ndarray]:
    """Per label, with the moving labels where their header puts them, and after warping."""
    fixed, moving = sitk.ReadImage(str(files.fixed_labels)), sitk.ReadImage(str(files.moving_labels))
    raw = sitk.Resample(moving, fixed, sitk.Transform(), sitk.sitkNearestNeighbor)
    warped = sitk.ReadImage(result.outputs["warped_labels"])
    return _overlap(fixed, raw), _overlap(fixed, warped)


def _overlap(a: sitk.Image, b: sitk.Image) -> np.ndarray:
    first, second = sitk.GetArrayViewFromImage(a), sitk.GetArrayViewFromImage(b)
    both = [np.count_nonzero((first == label) & (second == label)) for label in LABELS]
    each = [np.count_nonzero(first == label) + np.count_nonzero(second == label) for label in LABELS]
    return 2 * np.array(both) / np.array(each)


def markdown(rows: list[Row]) -> str:
    """The table as people read it, in a terminal as well as in a browser."""
    heads = Row("", "before", "after")
    widths = [max(len(getattr(row, name)) for row in (heads, *rows)) for name in ("what", "before", "after")]
    lines = [f"| {r.what:<{widths[0]}} | {r.before:>{widths[1]}} | {r.after:>{widths[2]}} |" for r in (heads, *rows)]
    rule = f"|{'-' * (widths[0] + 2)}|{'-' * (widths[1] + 1)}:|{'-' * (widths[2] + 1)}:|"
    return "\n".join([lines[0], rule, *lines[1:]]) + "\n"


def write_table(rows: list[Row], path: Path) -> None:
    """The table as a file."""
    path.write_text(markdown(rows), encoding="utf-8")
