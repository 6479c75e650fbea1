"""What bfloat16 changes in a prediction of the trained model: a head at 2 mm against float32."""

import numpy as np
import torch
from speed_network import both_maps
from speed_pairs import Files
from speed_table import Figure, figures_of

from sitreg_engine.affine import Alignment
from sitreg_engine.determinants import smallest_determinant
from sitreg_engine.inputs import read_volume
from sitreg_engine.models import shelf_folder
from sitreg_engine.models.sitreg.network import SITReg
from sitreg_engine.models.weights_file import load_network
from sitreg_engine.prepare import lay_out, make_pair
from sitreg_engine.scan import make_scan

_MODEL, _SPACING = "brain-t1", 2.0  # mm


def measure(device: str, files: Files) -> list[Figure]:
    """The pair is of one pose but for what the network is to find."""
    name = f"{_MODEL}, head at {_SPACING:g} mm, bfloat16"
    names = (
        (f"{name}: mean difference to float32, voxels", 4, "≤ 0.02"),
        (f"{name}: largest", 3, ""),
        (f"{name}: folded voxels before they are mended", 0, ""),
        (f"{name}: the same in float32", 0, ""),
    )
    return figures_of(names, [difference_to_float32(files, device)])


def difference_to_float32(
    files: Files, device: str, dtype: torch.dtype = torch.bfloat16
) -> tuple[float, float, int, int]:
    """Mean and largest distance of the displacements, voxels; folds in `dtype` and in float32; both directions."""
    fixed, moving = (make_scan(read_volume(str(path), "image")) for path in (files.fixed, files.moving))
    pair = make_pair(lay_out(fixed, moving, Alignment(np.eye(4), "identity")), _SPACING)
    given = tuple(image.to(device) for image in pair.shown)
    exact, rounded = (both_maps(_network(kind, device), given) for kind in (torch.float32, dtype))
    lengths = [(a - b).norm(dim=1) for a, b in zip(exact, rounded, strict=True)]
    folds = [sum(int((smallest_determinant(u[0]) <= 0).sum()) for u in maps) for maps in (rounded, exact)]
    return sum(float(x.mean()) for x in lengths) / 2, max(float(x.max()) for x in lengths), *folds


def _network(dtype: torch.dtype, device: str) -> SITReg:
    network = load_network(SITReg, shelf_folder() / _MODEL / "model.safetensors")
    return network.eval().to(device).compute_blocks_in(dtype)
