"""What the user gives: images, masks, label maps and points, read and checked, or refused in one line."""

from .checksums import checksum
from .jobs import INPUT_ROLES, check_job, files_of
from .masks import read_labels, read_mask
from .points import check_pairing, read_points
from .volumes import StoredVolume, read_volume

__all__ = [
    "INPUT_ROLES",
    "StoredVolume",
    "check_job",
    "check_pairing",
    "checksum",
    "files_of",
    "read_labels",
    "read_mask",
    "read_points",
    "read_volume",
]
