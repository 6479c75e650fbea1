"""The alignment on real images, where they are at hand (folder in SITREG_DATA, or ../shared/data)."""

import os
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from sitreg_engine.affine import align
from sitreg_engine.geometry import apply
from sitreg_engine.images import Volume, from_sitk
from sitreg_engine.progress import Reporter
from sitreg_engine.scan import make_scan

DATA = Path(os.environ.get("SITREG_DATA") or Path(__file__).parents[4] / "shared" / "data")


def read(relative: str) -> Volume:
    if not (DATA / relative).is_file():
        pytest.skip(f"{DATA / relative} is not there; set SITREG_DATA to the folder with the real images")
    return from_sitk(sitk.ReadImage(str(DATA / relative)))


def run(fixed: Volume, moving: Volume) -> np.ndarray:
    reporter = Reporter()
    reporter.start("align", "Aligning")
    return align(make_scan(fixed), make_scan(moving), "auto", reporter).matrix


def dice(fixed: Volume, moving: Volume, matrix: np.ndarray) -> float:
    """Mean over the labels common to both, of the moving labels looked up through `matrix`."""
    every_other = [np.arange(0, n, 2) for n in fixed.array.shape]
    index = np.stack(np.meshgrid(*every_other, indexing="ij"), axis=-1).reshape(-1, 3)
    index = index[fixed.array[tuple(index.T)] > 0]
    places = np.rint(apply(moving.grid.world_to_voxel @ matrix @ fixed.grid.voxel_to_world, index)).astype(int)
    inside = ((places >= 0) & (places < moving.array.shape)).all(axis=-1)
    true = fixed.array[tuple(index.T)].astype(int)
    found = moving.array[tuple(np.where(inside[:, None], places, 0).T)].astype(int) * inside
    size = 1 + max(int(fixed.array.max()), int(moving.array.max()))
    both = np.bincount(true[true == found], minlength=size)
    change = np.linalg.det(matrix[:3, :3]) * fixed.grid.voxel_volume / moving.grid.voxel_volume
    # All moving labels count, also those that no label of the fixed image meets: from their volume.
    warped = np.bincount(moving.array.astype(int).ravel(), minlength=size) / 8 / change
    common = [n for n in range(1, size) if (true == n).any() and warped[n] > 0]
    return float(np.mean([2 * both[n] / ((true == n).sum() + warped[n]) for n in common]))


@pytest.mark.parametrize(
    ("fixed", "moving", "least"), [("004", "006", 0.78), ("006", "007", 0.66), ("020", "023", 0.7)]
)
def test_hippocampus_crops_are_aligned(fixed, moving, least):
    images = [read(f"hippocampus/hippocampus_{name}_t1.nii.gz") for name in (fixed, moving)]
    labels = [read(f"hippocampus/hippocampus_{name}_labels.nii.gz") for name in (fixed, moving)]
    assert dice(*labels, run(*images)) > least > dice(*labels, np.eye(4)) + 0.1


def test_the_same_crops_elsewhere_and_stored_otherwise_are_aligned_alike(tools):
    fixed, moving = (read(f"hippocampus/hippocampus_{name}_t1.nii.gz") for name in ("004", "006"))
    matrix, world = run(fixed, moving), tools.turn((1, 2, 3), 20)
    other = [tools.placed(fixed, world), tools.placed(tools.stored(moving, (2, 0, 1), (True, False, False)), world)]
    points = fixed.grid.corners()
    difference = apply(run(*other), apply(world, points)) - apply(world @ matrix, points)
    assert np.abs(difference).max() < 1e-3


def test_skull_stripped_brains_are_aligned():
    images = [read(f"brain_mindboggle_1mm/{name}_t1.nii.gz") for name in ("01", "02")]
    labels = [read(f"brain_mindboggle_1mm/{name}_labels.nii.gz") for name in ("01", "02")]
    assert dice(*labels, run(*images)) > 0.40


def test_swapped_whole_heads_give_the_inverse():
    names = ("IXI485-HH-2180", "IXI508-HH-2268")
    images = [read(f"brain_ixi_2mm/val/{name}_t1.nii.gz") for name in names]
    labels = [read(f"brain_ixi_2mm/val/{name}_labels.nii.gz") for name in names]
    there, back = run(*images), run(*images[::-1])
    assert np.abs(apply(back @ there, images[0].grid.corners()) - images[0].grid.corners()).max() < 1e-6
    assert dice(*labels, there) > 0.48
