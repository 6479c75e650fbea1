"""A head in formulas: which tissue is at a point, and how bright it is in a T1-weighted image.

All points are (..., 3) in the head's own LPS frame, mm, origin in the middle of the brain.
"""

from dataclasses import dataclass

import numpy as np

LABELS = {
    1: "cortex left",
    2: "cortex right",
    3: "white matter left",
    4: "white matter right",
    5: "ventricle left",
    6: "ventricle right",
    7: "thalamus left",
    8: "thalamus right",
    9: "caudate left",
    10: "caudate right",
    11: "putamen left",
    12: "putamen right",
    13: "cerebellum",
    14: "brainstem",
}


@dataclass(frozen=True)
class Ellipsoid:
    centre: tuple[float, float, float]  # mm
    radii: tuple[float, float, float]  # mm

    def depth(self, points: np.ndarray) -> np.ndarray:
        """About the distance to the surface, mm, positive inside."""
        # One axis after the other: a sum over an axis of three is several times slower.
        squares = sum(((points[..., c] - self.centre[c]) / self.radii[c]) ** 2 for c in range(3))
        return (1 - np.sqrt(squares)) * min(self.radii)


HEAD = Ellipsoid((0, 0, 0), (80, 100, 92))
SKULL = Ellipsoid((0, 0, 2), (73, 92, 85))
CAVITY = Ellipsoid((0, 0, 4), (67, 86, 79))
BRAIN = Ellipsoid((0, 0, 8), (65, 84, 70))
NOSE = Ellipsoid((0, -100, -30), (12, 16, 18))
NECK = Ellipsoid((0, 25, -100), (50, 48, 60))
CEREBELLUM = Ellipsoid((0, 45, -42), (45, 28, 24))
BRAINSTEM = Ellipsoid((0, 20, -48), (12, 12, 40))

# One of each pair; the other side is its mirror image, a little different in reality and here.
PAIRED = {
    5: Ellipsoid((11, 6, 18), (6, 30, 9)),  # ventricle
    7: Ellipsoid((11, 12, 4), (9, 14, 9)),  # thalamus
    9: Ellipsoid((15, -16, 14), (6, 13, 9)),  # caudate
    11: Ellipsoid((27, -4, 4), (7, 17, 10)),  # putamen
}

CSF, GREY, DEEP_GREY, WHITE, BONE, FAT, MUSCLE = 35.0, 92.0, 104.0, 135.0, 18.0, 165.0, 80.0


def folds(points: np.ndarray) -> np.ndarray:
    """A smooth field in -1..1 whose level sets meander as gyri do, about 20 mm from one to the next."""
    x, y, z = np.moveaxis(points, -1, 0)
    bent = 1.5 * np.sin(z / 23 + 0.5) + 1.3 * np.sin(x / 29) + 1.1 * np.sin(y / 31 + 1)
    first = np.sin(x / 6.5 + bent) * np.cos(y / 7.0 - bent)
    second = np.sin(y / 6.8 - 0.7 * bent) * np.cos(z / 6.6 + bent)
    third = np.sin(z / 6.7 + 0.8 * bent) * np.cos(x / 6.9 - bent)
    return (first + second + third) / 1.5


def labels_at(points: np.ndarray) -> np.ndarray:
    """Labels (keys of LABELS, 0 elsewhere), uint8. Later structures lie over earlier ones."""
    surface, white_depth = cortex(points)
    left = points[..., 0] > 0  # L is positive in LPS
    found = np.where(surface > 0, np.where(left, 1, 2), 0)
    found = np.where(white_depth > 0, np.where(left, 3, 4), found)
    found = np.where(CEREBELLUM.depth(points) > 0, 13, found)
    found = np.where(BRAINSTEM.depth(points) > 0, 14, found)
    for label, shape in PAIRED.items():
        found = np.where(shape.depth(points) > 0, label, found)
        mirrored = points * (-1.0, 1.0, 1.0) + (0.6, -1.5, 0.5)
        found = np.where(shape.depth(mirrored) > 0, label + 1, found)
    return found.astype(np.uint8)


def cortex(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(depth below the brain's surface, depth below the white matter's), mm; both follow the folds.

    Sulci cut into the surface, the white matter reaches into the gyri, and the halves are parted by a fissure.
    """
    smooth = BRAIN.depth(points)
    wave = folds(points)
    fissure = 12 * np.exp(-((points[..., 0] / 2.5) ** 2)) * np.clip((26 - smooth) / 10, 0, 1)
    sulci = 15 * np.maximum(wave - 0.15, 0) * np.clip((22 - smooth) / 10, 0, 1)
    surface = smooth - fissure - sulci
    return surface, surface - 5.0 - 5.0 * np.clip(wave + 0.3, 0, 0.8) * np.clip((26 - smooth) / 8, 0, 1)


def brightness_at(points: np.ndarray) -> np.ndarray:
    """T1-weighted intensity, air 0."""
    skin = np.maximum(np.maximum(HEAD.depth(points), NOSE.depth(points)), NECK.depth(points))
    value = np.where(skin > 0, FAT, 0.0)
    value = np.where((skin > 5) & (SKULL.depth(points) <= 0), MUSCLE + 12 * folds(points * 0.7), value)
    value = np.where(SKULL.depth(points) > 0, BONE, value)
    value = np.where(CAVITY.depth(points) > 0, CSF, value)
    labels = labels_at(points)
    by_label = np.array([0, GREY, GREY, WHITE, WHITE, CSF, CSF, *[DEEP_GREY] * 6, 0, WHITE - 8])
    value = np.where(labels > 0, by_label[labels], value)
    stripes = 105 + 22 * np.sign(np.sin(points[..., 2] / 1.9 + 0.3 * np.sin(points[..., 0] / 7)))
    value = np.where(labels == 13, stripes, value)
    white = (labels == 3) | (labels == 4)
    return value + np.where(white, 5 * folds(points * 0.5), 0.0)
