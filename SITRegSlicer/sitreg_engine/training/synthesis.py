"""Images that no scanner made: label maps painted in random greys, and random shapes.

A network that has seen any grey on any side of an edge looks at shapes, not at the intensities of one contrast.
(Hoffmann et al., SynthMorph, IEEE TMI 2022.)
"""

from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F

from sitreg_engine.foreground import foreground
from sitreg_engine.geometry import Grid
from sitreg_engine.images import Volume
from sitreg_engine.mappings import warp

from .intensities import blurred, in_range, inverted
from .subjects import Subject

SHAPES = 20  # labels of a random-shape image
_EXTENT = (160.0, 192.0, 160.0)  # mm, about a brain with its surroundings
_MOST_MOVED = 10.0  # mm, of the deformation between the two images of shapes
_TEXTURE = 0.04  # standard deviation within a label


def painted(rng: np.random.Generator, subject: Subject) -> Subject:
    """`shown` = the label map with a random grey for each label, and a random tone curve of the image around it."""
    if subject.labels is None or subject.labels.grid != subject.image.grid:
        return subject
    around = in_range(subject.image.array)
    curve, seed = rng.random(4), rng.integers(2**63)
    values = inverted(around, curve) if rng.random() < 0.5 else around * np.float32(0.3 + 0.7 * curve[0])
    values = np.where(subject.labels.array != 0, _greys(rng, subject.labels.array), values)
    texture = np.random.default_rng(int(seed)).standard_normal(values.shape, dtype=np.float32)
    values = values + np.float32(_TEXTURE) * texture * (values > 0.05)
    image = Volume(values.astype(np.float32), subject.image.grid)
    return replace(subject, shown=blurred(image, float(rng.uniform(0.3, 0.8)) * max(image.grid.spacing)))


def _greys(rng: np.random.Generator, labels: np.ndarray) -> np.ndarray:
    """Each id's grey, 0..1, at its voxels; ids of either side of the body are independent, too."""
    ids, places = np.unique(labels, return_inverse=True)
    return rng.random(len(ids), dtype=np.float32)[places].reshape(labels.shape)


def shapes(rng: np.random.Generator, count: int, spacing: float) -> list[Subject]:
    """`count` images of the same random shapes, each deformed in its own way, with their label maps."""
    shape = tuple(int(extent / spacing) for extent in _EXTENT)
    grid = Grid(shape, (spacing,) * 3, tuple(-(n - 1) / 2 * spacing for n in shape), tuple(np.eye(3).ravel()))
    layers = torch.cat([_smooth_noise(rng, shape, size) for size in rng.integers(4, 12, SHAPES)], dim=1)
    greys = rng.random(SHAPES, dtype=np.float32)
    found = []
    for _ in range(count):
        moved = warp(layers, _random_motion(rng, shape, spacing))
        labels = moved.argmax(dim=1)[0].numpy().astype(np.uint8)
        image = Volume(greys[labels], grid)
        found.append(Subject(image, foreground(image), Volume(labels, grid), None, Volume(labels >= 0, grid)))
    return [painted(rng, subject) for subject in found]


def _smooth_noise(rng: np.random.Generator, shape: tuple[int, ...], points: int) -> torch.Tensor:
    """(1, 1, I, J, K) float32: random numbers on `points` places along each axis, interpolated."""
    few = torch.from_numpy(rng.standard_normal((1, 1, points, points, points), dtype=np.float32))
    return F.interpolate(few, size=shape, mode="trilinear", align_corners=True)


def _random_motion(rng: np.random.Generator, shape: tuple[int, ...], spacing: float) -> torch.Tensor:
    """A smooth displacement (1, 3, I, J, K) in voxels."""
    fields = [_smooth_noise(rng, shape, int(points)) for points in rng.integers(3, 7, 3)]
    motion = torch.cat(fields, dim=1)
    return motion * (float(rng.uniform(0.2, 1.0)) * _MOST_MOVED / spacing / float(motion.abs().max()))
