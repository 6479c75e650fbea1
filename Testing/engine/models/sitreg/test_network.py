"""What the method promises, whatever the weights: symmetry, invertibility, bounds; and that it can be trained."""

import itertools

import pytest
import torch

from sitreg_engine.mappings import compose
from sitreg_engine.models.halfway import HalfWay
from sitreg_engine.models.sitreg.anderson import AndersonConfig
from sitreg_engine.models.sitreg.bounds import bound
from sitreg_engine.models.sitreg.comparing import compared
from sitreg_engine.models.sitreg.config import LUMIR, OASIS, SITRegConfig
from sitreg_engine.models.sitreg.inversion import InversionConfig
from sitreg_engine.models.sitreg.network import SITReg

SMALL = SITRegConfig((4, 6, 6), (4, 6, 6), groups=2)
WITH_NORMS = SITRegConfig((4, 8, 8, 8), (4, 8, 8, 8), groups=2, update_groups=4)
OLD_ORDER = SITRegConfig((4, 6, 6), (4, 6, 6), groups=2, norm_first=False)
WITH_AFFINE = SITRegConfig((4, 6, 6, 6, 6, 6), (4, 6, 6), groups=2, affine=True)
VARIANTS = {"small": SMALL, "norms in updates": WITH_NORMS, "old order": OLD_ORDER, "affine": WITH_AFFINE}


def _network(config: SITRegConfig, gain: float = 1.0, seed: int = 0) -> SITReg:
    """Random weights, the last convolutions times `gain`: 1 gives tiny motion, 40 saturates the bounds."""
    torch.manual_seed(seed)
    network = SITReg(config).eval()
    for update in network.updates:
        update.final.weight.data *= gain
    return network.requires_grad_(False)


def _images(shape: tuple[int, int, int], samples: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    """Smooth random patterns (samples, 1, I, J, K)."""
    noise = torch.rand(2 * samples, 1, *[n + 4 for n in shape], generator=torch.Generator().manual_seed(1))
    smooth = torch.nn.functional.avg_pool3d(noise, 5, stride=1)
    return smooth[:samples], smooth[samples:]


@pytest.mark.parametrize(
    "config, parameters",
    [
        (OASIS, 1_196_820),
        (SITRegConfig((8, *[36] * 4), (16, *[62] * 4), groups=2), 1_234_615),
        (SITRegConfig((8, *[36] * 6), (16, *[62] * 6), groups=2), 1_847_745),
        (SITRegConfig((8, *[36] * 5, 48, 64, 88), (16, *[62] * 5), groups=2, affine=True), 2_464_872),
        (LUMIR, 15_076_110),
        (SITRegConfig((12, 16, 32, 64, 128, 128), (12, 64, 128, 256, 256, 256), 2, update_groups=4), 12_898_510),
    ],
)
def test_the_published_networks_have_their_published_sizes(config, parameters):
    assert sum(parameter.numel() for parameter in SITReg(config).parameters()) == parameters


@pytest.mark.parametrize("gain", [1, 40, 1000])
@pytest.mark.parametrize("config", VARIANTS.values(), ids=VARIANTS)
def test_swapping_the_images_swaps_the_maps_bit_by_bit(config, gain):
    network, (image_1, image_2) = _network(config, gain), _images((19, 24, 17))
    there, back = network(image_1, image_2), network(image_2, image_1)
    assert torch.equal(there.f12, back.f21)
    assert torch.equal(there.f21, back.f12)
    assert there.f12.abs().max() > 0


def test_the_published_architecture_is_exactly_symmetric_too():
    network, (image_1, image_2) = _network(OASIS, 40), _images((33, 26, 24))
    there, back = network(image_1, image_2), network(image_2, image_1)
    assert torch.equal(there.f12, back.f21)
    assert torch.equal(there.halfway.left, back.halfway.right)
    assert torch.equal(there.halfway.left_inverse, back.halfway.right_inverse)


@pytest.mark.parametrize("config", VARIANTS.values(), ids=VARIANTS)
def test_the_same_call_gives_the_same_bits(config):
    network, images = _network(config, 40), _images((18, 17, 16))
    assert torch.equal(network(*images).f12, network(*images).f12)


@pytest.mark.parametrize("gain", [1, 40])
def test_an_image_onto_itself_moves_nothing(gain):
    network, (image, _) = _network(OASIS, gain), _images((32, 33, 24))
    f12 = network(image, image).f12
    assert f12.abs().max() < 2e-2
    assert f12.abs().mean() < 2e-4


@pytest.mark.parametrize("gain, largest, mean", [(1, 2e-2, 5e-4), (40, 0.5, 1e-2)])
def test_the_two_maps_are_inverse_to_each_other(gain, largest, mean):
    network, images = _network(OASIS, gain), _images((40, 36, 33))
    result = network(*images)
    for error in (compose(result.f12, result.f21), compose(result.f21, result.f12)):
        assert error.abs().max() < largest
        assert error.abs().mean() < mean


@pytest.mark.parametrize("gain", [1, 40])
def test_the_half_maps_and_their_inverses_fit(gain):
    network, images = _network(OASIS, gain), _images((32, 33, 24))
    half = network(*images).halfway
    assert compose(half.left, half.left_inverse).abs().mean() < 1e-2
    assert compose(half.right_inverse, half.right).abs().mean() < 1e-2


@pytest.mark.parametrize("gain", [1, 40])
def test_no_voxel_folds(gain):
    network, images = _network(OASIS, gain), _images((40, 36, 33))
    result = network(*images)
    assert _smallest_determinant(result.f12) > 0
    assert _smallest_determinant(result.f21) > 0


def _smallest_determinant(u: torch.Tensor) -> float:
    """Of the Jacobian of x + u(x), by the one-sided differences at all eight corners of the cells."""
    smallest = float("inf")
    for corner in itertools.product((0, 1), repeat=3):
        columns = []
        for axis in range(3):
            difference = u[0].diff(dim=axis + 1)
            for other in {0, 1, 2} - {axis}:
                difference = difference.narrow(other + 1, corner[other], u.shape[other + 2] - 1)
            columns.append(difference)
        jacobian = torch.stack(columns, dim=1).permute(2, 3, 4, 0, 1) + torch.eye(3)
        smallest = min(smallest, float(torch.linalg.det(jacobian).min()))
    return smallest


@pytest.mark.parametrize("config", VARIANTS.values(), ids=VARIANTS)
def test_in_bfloat16_it_is_as_symmetric_and_nearly_the_same(config):
    images, ratios = _images((24, 24, 16)), []
    for seed in range(4):  # weights x 40 magnify every rounding, of one network more than of another
        exact = _network(config, 40, seed)(*images)
        rounded = _network(config, 40, seed).compute_blocks_in(torch.bfloat16)
        there, back = rounded(*images), rounded(images[1], images[0])
        assert torch.equal(there.f12, back.f21)
        assert torch.equal(there.f21, back.f12)
        assert there.f12.dtype == torch.float32
        ratios.append(float((there.f12 - exact.f12).abs().mean() / exact.f12.abs().mean()))
    assert min(ratios) > 0
    assert sum(ratios) / len(ratios) < 0.5


def test_levels_run_from_coarse_to_fine_and_end_in_the_result():
    network, images = _network(SMALL, 1000), _images((13, 16, 11))
    result = network(*images, keep_levels=True)
    assert [level.scale for level in result.levels] == [4, 2, 1]
    assert [level.control_12.shape[2:] for level in result.levels] == [(4, 4, 3), (7, 8, 6), (13, 16, 11)]
    assert torch.equal(result.levels[-1].halfway.left, result.halfway.left)
    assert torch.equal(result.halfway.forward(), result.f12)
    assert network(*images).levels == ()


def test_control_values_keep_to_their_bounds():
    result = _network(SMALL, 1e6)(*_images((12, 12, 12)), keep_levels=True)
    for level in result.levels:
        largest = max(float(level.control_12.abs().max()), float(level.control_21.abs().max()))
        assert largest == pytest.approx(0.99 * bound((level.scale,) * 3), rel=1e-6)


def test_levels_without_update_network_change_nothing_but_the_finest_ones_count():
    """The published code of 2024 returned the map too early when the coarsest levels had no update network."""
    config = SITRegConfig((4, 6, 6, 6), (4, 6), groups=2)
    network, images = _network(config, 40), _images((16, 12, 14))
    result = network(*images, keep_levels=True)
    assert [level.scale for level in result.levels] == [2, 1]
    assert torch.equal(result.f12, result.levels[-1].halfway.forward())
    assert not torch.equal(result.f12, result.levels[0].halfway.forward())


@pytest.mark.parametrize("shape", [(1, 9, 8), (8, 1, 1), (2, 3, 5), (7, 1, 16)])
def test_thin_images_are_allowed(shape):
    result = _network(SMALL, 40)(*_images(shape))
    assert result.f12.shape == (1, 3, *shape)
    assert result.f12.isfinite().all() and result.f21.isfinite().all()


def test_a_batch_of_pairs_is_registered_like_each_pair_alone():
    network, (images_1, images_2) = _network(SMALL, 40), _images((15, 14, 13), samples=2)
    together = network(images_1, images_2)
    for index in range(2):
        alone = network(images_1[index : index + 1], images_2[index : index + 1])
        # The inversion stops when the worst of the batch is done, so that others may be a little more exact.
        assert (together.f12[index] - alone.f12[0]).abs().max() < 2e-2


def test_features_are_sampled_at_the_voxels_that_they_cover():
    """A ramp along an axis, seen through a translation: edges of coarse voxels stay where they are in the fine grid."""
    ramp = torch.arange(8.0).reshape(1, 1, 8, 1, 1).expand(1, 1, 8, 4, 4)
    still = torch.zeros(1, 3, 32, 16, 16)
    shift = still.clone()
    shift[:, 0] = 2.0  # fine voxels = half a coarse voxel of scale 4
    warped, _ = compared([ramp, torch.zeros_like(ramp)], HalfWay(shift, still, still, still), None, 4)
    assert torch.allclose(warped[0, 0, :7], ramp[0, 0, :7] + 0.5)
    assert torch.allclose(warped[0, 0, 7], ramp[0, 0, 7])  # held at the edge


def test_its_gradient_is_right():
    """Along a random direction of all weights, against the difference of two evaluations (close: ReLU has kinks)."""
    tight = InversionConfig(1e-14, AndersonConfig(memory=1, max_evaluations=300))
    config = SITRegConfig((2, 4), (2, 4), groups=2, inversion=tight)
    torch.manual_seed(1)
    network, images = SITReg(config).double(), tuple(image.double() for image in _images((6, 5, 6)))
    weights = torch.randn(1, 3, 6, 5, 6, dtype=torch.float64)

    def loss() -> torch.Tensor:
        result = network(*images)
        return (weights * result.f12).sum() + (weights * result.f21).square().sum()

    loss().backward()
    parameters = list(network.parameters())
    direction = [torch.randn_like(parameter) for parameter in parameters]
    slope = sum(float((p.grad * d).sum()) for p, d in zip(parameters, direction, strict=True))
    values = []
    for step in (1e-8, -2e-8):
        with torch.no_grad():
            for parameter, d in zip(parameters, direction, strict=True):
                parameter += step * d
            values.append(float(loss()))
    assert slope == pytest.approx((values[0] - values[1]) / 2e-8, rel=1e-4)


def test_every_weight_of_a_published_network_learns():
    network, images = _network(OASIS).requires_grad_(True), _images((16, 16, 16))
    network(*images).f12.square().sum().backward()
    assert all(parameter.grad is not None and parameter.grad.abs().max() > 0 for parameter in network.parameters())


@pytest.mark.parametrize("config", [SMALL, WITH_NORMS, OLD_ORDER])
def test_with_checkpointing_gradients_are_the_same_and_less_is_kept(config):
    images, gradients, kept = _images((32, 32, 24)), [], []
    for checkpointing in (False, True):
        network = _network(config, 40).requires_grad_(True)
        network.checkpointing = checkpointing
        sizes = {}
        with torch.autograd.graph.saved_tensors_hooks(
            lambda t, s=sizes: s.update({t.data_ptr(): t.nbytes}) or t, _same
        ):
            loss = network(*images).f12.square().mean()
        loss.backward()
        kept.append(sum(sizes.values()))
        gradients.append(torch.cat([p.grad.flatten() for p in network.parameters()]))
    torch.testing.assert_close(*gradients)
    assert kept[1] < 0.8 * kept[0]


def _same(tensor: torch.Tensor) -> torch.Tensor:
    return tensor


def test_images_of_different_sizes_are_refused():
    with pytest.raises(RuntimeError):
        _network(SMALL)(torch.zeros(1, 1, 8, 8, 8), torch.zeros(1, 1, 8, 8, 9))
