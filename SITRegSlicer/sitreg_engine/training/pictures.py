"""Pictures of a registered pair: what it looked like, and what became of it."""

from pathlib import Path

import numpy as np
import SimpleITK as sitk

from .scored import Pairing


def save_picture(pairing: Pairing, path: Path) -> None:
    """A PNG: three middle slices (rows) of image 1, image 2, image 1 brought to 2, and the differences around it."""
    warped = pairing.compared("images")[0].a
    images = [tensor[0, 0].detach().float().cpu().numpy() for tensor in (pairing.view_1.image, pairing.view_2.image)]
    warped = warped[0, 0].detach().float().cpu().numpy()
    panels = [*images, warped, np.abs(images[0] - images[1]), np.abs(warped - images[1])]
    rows = [np.concatenate([_slice(panel, axis) for panel in panels], axis=1) for axis in range(3)]
    width = max(row.shape[1] for row in rows)
    sheet = np.concatenate([np.pad(row, ((0, 2), (0, width - row.shape[1]))) for row in rows])
    path.parent.mkdir(parents=True, exist_ok=True)
    sitk.WriteImage(sitk.GetImageFromArray((sheet.clip(0, 1) * 255).astype(np.uint8)), str(path))


def _slice(volume: np.ndarray, axis: int) -> np.ndarray:
    """The middle slice, superior (the last axis's end) up; volumes are stored along L, P, S."""
    middle = np.take(volume, volume.shape[axis] // 2, axis=axis)
    return middle.T[::-1] if axis != 2 else middle.T
