"""Where images lie relative to each other before the deformation: affine maps from a common space to each image.

At inference every pair is aligned. Here that would cost more than the training step itself, so by default every image
is aligned once, to one reference, and the space that all pairs live in is the mean of all poses; what an alignment of
the pair would have left open is made up by random residual affines (augment).
"""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from sitreg_engine.affine import align
from sitreg_engine.affine.matrices import expm, half_way, logm
from sitreg_engine.errors import AlignmentError
from sitreg_engine.progress import Reporter
from sitreg_engine.study import study_frame
from sitreg_engine.whole import written_whole

from .subjects import key_of, load_subject
from .table import Row

Tell = Callable[[str], None]  # one line for people


def template_poses(rows: Sequence[Row], cache: Path, tell: Tell) -> list[np.ndarray]:
    """For each row a 4x4, common mm -> image LPS mm. The first row is the reference; the mean of all is the pose.

    Raises AlignmentError, naming the image, when one cannot be aligned.
    """
    reference = load_subject(rows[0], cache)
    home = study_frame(reference.image.grid, reference.image.grid)
    matrices = [_kept(rows[0], row, cache, lambda at=number: tell(_line(at, rows))) for number, row in enumerate(rows)]
    frames = [_own_frame(row, cache) for row in rows]
    logs = [logm(np.linalg.inv(frame) @ m @ home) for frame, m in zip(frames, matrices, strict=True)]
    to_mean = expm(-np.mean(logs, axis=0))
    return [m @ home @ to_mean for m in matrices]


def pair_poses(row_1: Row, row_2: Row, cache: Path) -> tuple[np.ndarray, np.ndarray]:
    """The same for one pair as `make_pair` has it: its half-way space -> image 1 and 2; image 2 is the fixed one."""
    matrix = _kept(row_2, row_1, cache, lambda: None)
    grids = [load_subject(row, cache).image.grid for row in (row_2, row_1)]
    frame = study_frame(*grids)
    half = half_way(np.linalg.inv(frame) @ matrix @ frame)
    return frame @ half, frame @ np.linalg.inv(half)


def _line(number: int, rows: Sequence[Row]) -> str:
    return f"Aligning image {number + 1} of {len(rows)} to the reference"


def _own_frame(row: Row, cache: Path) -> np.ndarray:
    grid = load_subject(row, cache).image.grid
    return study_frame(grid, grid)


def _kept(fixed: Row, moving: Row, cache: Path, tell: Callable[[], None]) -> np.ndarray:
    """4x4, fixed -> moving LPS mm, from the cache or found now; that there is none is kept, too."""
    name = hashlib.sha256(f"{key_of(fixed)}|{key_of(moving)}".encode()).hexdigest()[:20]
    path = cache / "alignments" / f"{name}.npy"
    failed = path.with_suffix(".failed")
    if failed.is_file():
        raise _unaligned(fixed, moving, failed.read_text(encoding="utf-8"))
    if not path.is_file():
        tell()
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            matrix = _aligned(fixed, moving, cache)
        except AlignmentError as error:
            with written_whole(failed) as temporary:
                temporary.write_text(str(error), encoding="utf-8")
            raise _unaligned(fixed, moving, str(error)) from error
        with written_whole(path) as temporary, open(temporary, "wb") as file:
            np.save(file, matrix)
    return np.load(path)


def _aligned(fixed: Row, moving: Row, cache: Path) -> np.ndarray:
    if fixed == moving:
        return np.eye(4)
    one, other = load_subject(fixed, cache), load_subject(moving, cache)
    reporter = Reporter()
    reporter.start("align", "")
    return align(one.scan, other.scan, "auto", reporter).matrix


def _unaligned(fixed: Row, moving: Row, why: str) -> AlignmentError:
    return AlignmentError(f"{moving.image} could not be aligned to {fixed.image}: {why}")
