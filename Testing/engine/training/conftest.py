"""A table of small bodies, each a person of its own, that trains a network of a few weights in seconds."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

SHAPE, SPACING = (26, 30, 24), 5.0  # voxels, mm


@dataclass(frozen=True)
class People:
    """Files of the table."""

    folder: Path
    table: Path
    names: list[str]


@pytest.fixture(scope="session")
def people(tmp_path_factory) -> People:
    """Six persons, the last two for validation; labels 1 (body), 2 and 3 (its parts)."""
    folder = tmp_path_factory.mktemp("people")
    names = [f"p{number}" for number in range(6)]
    lines = ["image,labels,person,split"]
    for number, name in enumerate(names):
        image, labels = body(number)
        sitk.WriteImage(image, str(folder / f"{name}.nii.gz"))
        sitk.WriteImage(labels, str(folder / f"{name}_labels.nii.gz"))
        lines.append(f"{name}.nii.gz,{name}_labels.nii.gz,{name},{'val' if number > 3 else 'train'}")
    table = folder / "table.csv"
    table.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return People(folder, table, names)


# Centre (mm), width (mm) and brightness of the parts: no symmetry left, so that bodies align in one way alone.
PARTS = (
    ((20, 10, -6), 13, 0.9),
    ((-18, 20, 14), 11, -0.6),
    ((8, -26, 16), 12, 0.7),
    ((-10, -14, -22), 14, 0.6),
    ((22, -8, 22), 10, -0.5),
)


def body(number: int) -> tuple[sitk.Image, sitk.Image]:
    """An ellipsoid with parts, of its own proportions, place and bends; labels 1, in the first parts 2 and 3."""
    rng = np.random.default_rng(number)
    index = np.stack(np.meshgrid(*map(np.arange, SHAPE), indexing="ij"), axis=-1)
    points = (index - (np.array(SHAPE) - 1) / 2) * SPACING - rng.uniform(-4, 4, 3)
    points = points / (1 + rng.uniform(-0.06, 0.06, 3))
    points = points + 4 * np.sin(points[..., [1, 2, 0]] / 13 + rng.uniform(0, 6, 3))  # no affine map undoes this
    outer = ((points / (44, 56, 42)) ** 2).sum(axis=-1)
    far = [((points - centre) ** 2).sum(axis=-1) / width**2 for centre, width, _ in PARTS]
    parts = sum(bright * np.exp(-distance / 2) for distance, (_, _, bright) in zip(far, PARTS, strict=True))
    image = 150 * (1 + parts) / (1 + np.exp(8 * (outer - 1)))
    labels = np.select([outer > 1, far[0] < 1, far[1] < 1], [0, 2, 3], 1)
    return _placed(image.astype(np.float32)), _placed(labels.astype(np.uint8))


def _placed(array: np.ndarray) -> sitk.Image:
    image = sitk.GetImageFromArray(array.transpose(2, 1, 0))
    image.SetSpacing((SPACING,) * 3)
    image.SetOrigin([-(n - 1) / 2 * SPACING for n in SHAPE])
    return image


BASE = """
run = "{run}"
steps = {steps}
seed = 3
save_every = 2
log_every = 1
device = "cpu"
{top}

[network]
features = {features}
update_features = {update_features}
groups = 2
{network}

[data]
table = "{table}"
cache = "{cache}"
spacing = 8.0
{data}

[augment]
{augment}

[optimiser]
learning_rate = 0.01
warm_up = 1
{optimiser}

[validation]
every = {every}
pairs = 1

[[losses]]
name = "local_ncc"
window = 5

[[losses]]
name = "diffusion"
weight = 0.2

[[losses]]
name = "soft_dice"
weight = 0.3
{rest}
"""


@pytest.fixture(scope="session")
def cache(tmp_path_factory) -> Path:
    """Alignments are found once for all tests."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def config(people, cache, tmp_path) -> Callable[..., Path]:
    """Writes a settings file: config(steps=4, augment="noise = 0.1")."""

    def write(name: str = "settings", *, run: str = "run", steps: int = 4, every: int = 1000, top: str = "",
              features: str = "[4, 4]", update_features: str = "[4, 4]", network: str = "", data: str = "",
              augment: str = "", optimiser: str = "", rest: str = "") -> Path:  # fmt: skip
        text = BASE.format(
            run=(tmp_path / run).as_posix(), steps=steps, every=every, top=top, features=features,
            update_features=update_features, table=people.table.as_posix(), cache=cache.as_posix(), data=data,
            network=network, augment=augment, optimiser=optimiser, rest=rest,
        )  # fmt: skip
        path = tmp_path / f"{name}.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write
