"""Everything a job reads, in memory."""

from dataclasses import dataclass

import numpy as np

from .contract import Job
from .images import Volume
from .inputs import StoredVolume, check_pairing, read_labels, read_mask, read_points, read_volume
from .parallel import in_parallel


@dataclass(frozen=True)
class Side:
    """What is known of one of the two images; None where nothing was given."""

    image: StoredVolume
    mask: Volume | None
    labels: Volume | None
    points: np.ndarray | None  # (N, 3) LPS mm

    @property
    def region(self) -> Volume | None:
        """Where quality matters most: the mask, else all that is labelled."""
        if self.mask is not None or self.labels is None:
            return self.mask
        return Volume(self.labels.array != 0, self.labels.grid)


@dataclass(frozen=True)
class Case:
    fixed: Side
    moving: Side

    @property
    def landmarks(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Points of the fixed and the moving image, where both were given."""
        points = (self.fixed.points, self.moving.points)
        return None if points[0] is None or points[1] is None else points


def read_case(job: Job) -> Case:
    """Both sides of a job. Raises InputError for the first file that cannot be used, and for unpaired landmarks."""
    sides = (
        ("fixed", job.fixed, job.fixed_mask, job.fixed_labels, job.fixed_points),
        ("moving", job.moving, job.moving_mask, job.moving_labels, job.moving_points),
    )
    case = Case(*in_parallel(lambda side: _side(*side), sides))
    if case.landmarks is not None:
        check_pairing(*case.landmarks)
    return case


def _side(role: str, image: str, mask: str, labels: str, points: str) -> Side:
    volume = read_volume(image, f"{role} image")
    return Side(
        volume,
        read_mask(mask, volume.grid, f"{role} mask") if mask else None,
        read_labels(labels, volume.grid, f"{role} labels") if labels else None,
        read_points(points, f"{role} points") if points else None,
    )
