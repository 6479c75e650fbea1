"""A small pair of volumes that every test of the whole path can register in seconds, and a GPU made of the CPU."""

import sys
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import numpy as np
import pytest
import SimpleITK as sitk
from simulated_gpu import SimulatedGpu, simulated_gpu


@dataclass(frozen=True)
class Pair:
    """Paths of two images of one blurred body, with label maps; the moving one is shifted by 3 mm."""

    fixed: str
    moving: str
    fixed_labels: str
    moving_labels: str


def body(shift: float) -> tuple[sitk.Image, sitk.Image]:
    """An image of 32 x 32 x 32 voxels at 2 mm and its labels; `shift` in mm along L."""
    position = (np.indices((32, 32, 32)) - 15.5) * 2.0  # z, y, x in mm
    position[2] -= shift
    z, y, x = position
    outer = (x / 24) ** 2 + (y / 20) ** 2 + (z / 22) ** 2
    inner = ((x - 6) / 9) ** 2 + (y / 7) ** 2 + ((z + 4) / 8) ** 2
    texture = 15 * np.sin(x / 5) * np.cos(y / 6) * np.sin(z / 4 + 1)
    values = 100 / (1 + np.exp(8 * (outer - 1))) + 60 / (1 + np.exp(8 * (inner - 1))) + texture * (outer < 1)
    labels = (outer < 1).astype(np.uint8) + (inner < 1).astype(np.uint8)
    return placed(values.astype(np.int16)), placed(labels)


def placed(array: np.ndarray) -> sitk.Image:
    image = sitk.GetImageFromArray(array)
    image.SetSpacing((2.0, 2.0, 2.0))
    image.SetOrigin((-31.0, -31.0, -31.0))
    return image


@pytest.fixture(scope="session")
def pair(tmp_path_factory) -> Pair:
    folder: Path = tmp_path_factory.mktemp("päir of bodies")
    paths = Pair(*(str(folder / f"{name}.nrrd") for name in Pair.__dataclass_fields__))
    (fixed, fixed_labels), (moving, moving_labels) = body(0.0), body(3.0)
    for image, path in ((fixed, paths.fixed), (moving, paths.moving)):
        sitk.WriteImage(image, path)
    for image, path in ((fixed_labels, paths.fixed_labels), (moving_labels, paths.moving_labels)):
        sitk.WriteImage(image, path)
    return paths


@pytest.fixture
def gpu() -> SimulatedGpu:
    """torch has a GPU for the time of the test."""
    with simulated_gpu() as found:
        yield found
