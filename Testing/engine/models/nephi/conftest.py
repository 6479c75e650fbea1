"""Small NePhi networks, and pairs of blurred shapes, on one slice and on some, to register with them."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from sitreg_engine.geometry import Grid
from sitreg_engine.models.nephi.config import NePhiConfig
from sitreg_engine.models.nephi.coordinate_mlp import CoordinateMLP
from sitreg_engine.models.nephi.latents import Latents, random_latents
from sitreg_engine.models.nephi.maps import FunctionalMaps
from sitreg_engine.models.nephi.network import NePhi
from sitreg_engine.prepare import Pair

SMALL = NePhiConfig(
    shape=(16, 16, 16), overall_codes=4, local_codes=4, hidden=16, layers=2, frequencies=8, norm="group"
)


@pytest.fixture
def small() -> NePhiConfig:
    return SMALL


@pytest.fixture
def codes() -> Callable[..., Latents]:
    return _codes


@pytest.fixture
def moving_mlp() -> Callable[..., CoordinateMLP]:
    return _moving_mlp


def _codes(seed: int = 0, shape: tuple[int, ...] = (3, 4, 5)) -> Latents:
    return random_latents(4, 4, shape, torch.Generator().manual_seed(seed))


def _moving_mlp(seed: int, size: float = 0.05) -> CoordinateMLP:
    """An MLP that is not the identity."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        mlp = CoordinateMLP(SMALL)
        torch.nn.init.normal_(mlp.output.weight, std=size)
    return mlp


@pytest.fixture
def moving_maps() -> Callable[[], FunctionalMaps]:
    return lambda: FunctionalMaps(_moving_mlp(1), _moving_mlp(2), _codes())


@pytest.fixture
def gentle_maps() -> Callable[[], FunctionalMaps]:
    """Maps that move a little and nearly undo each other."""
    return lambda: FunctionalMaps(_moving_mlp(1, 0.001), _moving_mlp(2, 0.001), _codes())


@pytest.fixture
def network() -> Callable[..., NePhi]:
    """A network whose maps move: its output layers are not zero any more."""

    def build(config: NePhiConfig = SMALL) -> NePhi:
        with torch.random.fork_rng():
            torch.manual_seed(3)
            made = NePhi(config)
            for mlp in (made.ahead, made.back):
                torch.nn.init.normal_(mlp.output.weight, std=0.02)
        return made

    return build


def disk(shape: tuple[int, int, int], centre: tuple[float, float], radius: float, stretch: float = 1.0) -> Tensor:
    """A soft disk (1, 1, I, J, 1), 0..1."""
    i, j = torch.meshgrid(*[torch.arange(n).float() for n in shape[:2]], indexing="ij")
    distance = torch.sqrt(((i - centre[0]) * stretch) ** 2 + ((j - centre[1]) / stretch) ** 2)
    return torch.sigmoid((radius - distance) / 1.0)[None, None, :, :, None]


@pytest.fixture
def disks() -> Pair:
    """Two disks of different place and form on a slice of 64 x 64 x 1 voxels."""
    shape = (64, 64, 1)
    moving, fixed = disk(shape, (27, 34), 16, 1.15), disk(shape, (34, 30), 13, 0.9)
    everywhere = torch.ones_like(moving)
    grid = Grid(shape, (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), tuple(np.eye(3).ravel()))
    return Pair(moving, fixed, None, None, everywhere, everywhere, grid, np.eye(4), np.eye(4))


@pytest.fixture
def cubes(disks: Pair) -> Pair:
    """The two disks as cylinders of 8 slices, 32 x 32 pixels each."""
    shape = (32, 32, 8)
    moving, fixed = (one[:, :, ::2, ::2].expand(1, 1, *shape).contiguous() for one in (disks.moving, disks.fixed))
    everywhere = torch.ones_like(moving)
    return replace(
        disks,
        moving=moving,
        fixed=fixed,
        moving_inside=everywhere,
        fixed_inside=everywhere,
        grid=replace(disks.grid, shape=shape),
    )


@pytest.fixture
def nothing() -> Callable[[float, str], None]:
    """Nobody wants to know about the progress."""
    return lambda _fraction, _text: None
