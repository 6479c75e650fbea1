"""Numbers of the published code, for fixed weights and images: ours must be the same to their last printed digit."""

from dataclasses import dataclass

import pytest
import torch

from sitreg_engine.models.sitreg.config import LUMIR, OASIS, SITRegConfig
from sitreg_engine.models.sitreg.inversion import solve_inverse
from sitreg_engine.models.sitreg.splines import upsample


@dataclass(frozen=True)
class Golden:
    config: SITRegConfig
    shape: tuple[int, int, int]
    mean_12: tuple[float, ...]  # voxels
    mean_21: tuple[float, ...]
    largest: float  # of |f12|
    evaluations: tuple[int, ...]  # of the inversions, coarse to fine, both orders
    points: dict[tuple[int, int, int], tuple[tuple[float, ...], tuple[float, ...]]]  # voxel -> f12, f21
    float32_tolerance: float


OASIS_EVEN = Golden(
    OASIS,
    (32, 40, 48),
    mean_12=(-0.022657, -0.019851, -0.005265),
    mean_21=(0.022555, 0.021213, 0.005993),
    largest=1.243112,
    evaluations=(4, 4, 4, 4, 3, 3, 2, 2),
    points={
        (5, 7, 9): ((-0.029671, -0.410977, 0.086587), (0.029711, 0.434127, -0.080478)),
        (16, 20, 24): ((-0.019406, -0.077329, -0.018006), (0.019891, 0.078326, 0.018219)),
        (29, 4, 43): ((0.027188, 0.067322, -0.081011), (-0.028718, -0.068247, 0.080086)),
        (0, 0, 0): ((-0.013912, 0.323308, 0.031721), (0.011576, -0.332524, -0.032995)),
    },
    float32_tolerance=2e-4,
)
OASIS_ODD = Golden(
    OASIS,
    (33, 41, 50),
    mean_12=(-0.026475, -0.059718, -0.001700),
    mean_21=(0.026520, 0.059990, 0.002181),
    largest=1.092290,
    evaluations=(5, 5, 4, 4, 3, 3, 2, 2),
    points={
        (5, 7, 9): ((-0.043870, -0.354780, 0.103139), (0.042842, 0.371681, -0.097624)),
        (16, 20, 25): ((-0.051700, -0.186650, 0.012656), (0.053219, 0.186737, -0.010819)),
        (30, 4, 45): ((-0.016741, -0.076025, -0.016945), (0.017580, 0.076083, 0.016556)),
        (0, 0, 0): ((-0.027983, 0.364102, 0.054670), (0.025336, -0.375714, -0.056076)),
    },
    float32_tolerance=2e-4,
)
LUMIR_CUBE = Golden(
    LUMIR,
    (64, 64, 64),
    mean_12=(0.073112, -0.420216, 1.072049),
    mean_21=(-0.092384, 0.482154, -1.070067),
    largest=15.401939,
    evaluations=(5, 5, 7, 6, 7, 7, 2, 2, 2, 2, 4, 5),
    points={
        (5, 7, 9): ((-0.038578, -0.018600, 0.278159), (0.030671, 0.017498, -0.287510)),
        (32, 32, 32): ((-0.000649, -1.718844, 0.622744), (-0.009598, 2.339546, -0.294810)),
        (61, 4, 59): ((-0.242509, -0.004908, -0.486088), (0.283757, 0.005539, 0.467733)),
        (0, 0, 0): ((-0.008477, -0.000567, 0.213355), (0.010094, 0.000677, -0.238066)),
    },
    float32_tolerance=2e-2,
)


@pytest.mark.parametrize(
    "golden, dtype",
    [
        pytest.param(OASIS_EVEN, torch.float64, id="oasis"),
        pytest.param(OASIS_EVEN, torch.float32, id="oasis-float32"),
        pytest.param(OASIS_ODD, torch.float64, id="oasis-odd"),
        pytest.param(OASIS_ODD, torch.float32, id="oasis-odd-float32"),
        pytest.param(LUMIR_CUBE, torch.float64, id="lumir", marks=pytest.mark.slow),
        pytest.param(LUMIR_CUBE, torch.float32, id="lumir-float32"),
    ],
)
def test_the_published_numbers_are_reproduced(golden, dtype, fixed_network, wave_images):
    network = fixed_network(golden.config, dtype)
    with torch.inference_mode():
        result = network(*wave_images(golden.shape, dtype), keep_levels=True)
    tolerance = 6e-7 if dtype == torch.float64 else golden.float32_tolerance
    assert result.f12.double().mean(dim=(0, 2, 3, 4)).tolist() == pytest.approx(golden.mean_12, abs=tolerance)
    assert result.f21.double().mean(dim=(0, 2, 3, 4)).tolist() == pytest.approx(golden.mean_21, abs=tolerance)
    assert float(result.f12.abs().max()) == pytest.approx(golden.largest, abs=tolerance)
    for (i, j, k), (expected_12, expected_21) in golden.points.items():
        assert result.f12[0, :, i, j, k].tolist() == pytest.approx(expected_12, abs=tolerance)
        assert result.f21[0, :, i, j, k].tolist() == pytest.approx(expected_21, abs=tolerance)
    assert _evaluations(result.levels, golden.shape) == golden.evaluations


def _evaluations(levels, shape) -> tuple[int, ...]:
    controls = [(level.scale, control) for level in levels for control in (level.control_12, level.control_21)]
    return tuple(solve_inverse(upsample(control, scale, shape))[1] for scale, control in controls)
