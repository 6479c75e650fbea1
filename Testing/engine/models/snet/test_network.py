"""What S-Net promises of its half-way displacement and both maps (specification: one inversion for each direction)."""

import pytest
import torch

from sitreg_engine.errors import InputError
from sitreg_engine.mappings import compose, identity, warp
from sitreg_engine.models.sitreg.anderson import AndersonConfig
from sitreg_engine.models.sitreg.inversion import InversionConfig
from sitreg_engine.models.sitreg.splines import coarse_shape, upsample
from sitreg_engine.models.snet.config import SNetConfig, config_of, table_of
from sitreg_engine.models.snet.contraction import largest_slope
from sitreg_engine.models.snet.network import SNet, SNetRegistration, registration

SMALL = SNetConfig((4, 6), (6, 6), (4,))
BOTH_WAYS = SNetConfig((4, 6), (6, 6), (4,), antisymmetric=True)
WELL = InversionConfig(1e-4)


def smooth(seed: int, channels: int = 3, shape: tuple[int, int, int] = (40, 38, 36), scale: int = 16) -> torch.Tensor:
    """A random cubic spline with a control point every `scale` voxels, (1, channels, I, J, K)."""
    control = torch.randn(1, channels, *coarse_shape(shape, scale), generator=torch.Generator().manual_seed(seed))
    return upsample(control, scale, shape) / scale


def field(slope: float, seed: int = 0) -> torch.Tensor:
    """A smooth displacement of a known Lipschitz constant that does not move the border."""
    u = smooth(seed)
    for axis, size in enumerate(u.shape[2:]):
        window = torch.hann_window(size, periodic=False)
        u = u * window.reshape([-1 if a == axis else 1 for a in range(3)])
    return u * (slope / largest_slope(u)).float()


def network(config: SNetConfig = SMALL, gain: float = 3e4) -> SNet:
    """Random weights; `gain` makes the tiny weights of the flow head large enough to move."""
    torch.manual_seed(0)
    made = SNet(config).eval()
    made.flow.weight.data *= gain
    return made.requires_grad_(False)


def images(shape: tuple[int, int, int] = (13, 12, 11)) -> tuple[torch.Tensor, torch.Tensor]:
    return smooth(7, 1, shape, 4).sigmoid(), smooth(8, 1, shape, 4).sigmoid()


def inner(x: torch.Tensor, margin: int = 4) -> torch.Tensor:
    return x[..., margin:-margin, margin:-margin, margin:-margin]


# ---- the two maps of a half-way displacement


def test_no_displacement_gives_the_identity_both_ways():
    found = registration(torch.zeros(1, 3, 6, 7, 8), WELL)
    assert found.f12.abs().max() == 0 and found.f21.abs().max() == 0
    assert found.converged


def test_a_translation_is_twice_its_half():
    """F = id + t for u = -t/2."""
    t = torch.tensor([1.0, -0.6, 0.4]).reshape(1, 3, 1, 1, 1).expand(1, 3, 7, 8, 9)
    found = registration(-t / 2, WELL)
    assert torch.allclose(found.f12, t, atol=1e-5)
    assert torch.allclose(found.f21, -t, atol=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_there_and_back_leads_home_at_a_slope_of_two_fifths(seed):
    found = registration(field(0.4, seed), WELL)
    for error in (compose(found.f12, found.f21), compose(found.f21, found.f12)):
        assert error.abs().max() < 0.06
        assert error.abs().mean() < 0.003


@pytest.mark.parametrize("slope", [0.4, 0.9])
def test_the_shorter_formula_is_the_composition_of_the_half_way_maps(slope):
    found = registration(field(slope), WELL)
    # phi_S o phi_T^-1 with phi_S = id - u interpolated where phi_T^-1 leads, both as they are defined
    assert (found.f12 - found.halfway.forward()).abs().max() < 1e-3
    assert (found.f21 - found.halfway.inverse()).abs().max() < 1e-3


def test_subject_and_template_meet_in_the_middle_and_at_both_ends():
    template, u = smooth(3, 1), field(0.4)
    found = registration(u, WELL)
    subject = warp(template, found.f21)  # S = T o B
    at_template = warp(subject, found.f12) - template
    half_way = warp(subject, found.halfway.left) - warp(template, found.halfway.right)
    assert inner(at_template).abs().mean() < 0.02 * template.std()
    assert inner(half_way).abs().mean() < 0.02 * template.std()
    assert inner(warp(template, found.f12) - template).abs().mean() > 0.05 * template.std()  # they were apart


def test_the_half_way_maps_are_opposite():
    found = registration(field(0.5), WELL)
    assert torch.equal(found.halfway.left, -found.halfway.right)
    assert torch.equal(found.halfway.right, found.displacement)


def test_the_implicit_gradient_is_that_of_finite_differences():
    tight = InversionConfig(1e-13, AndersonConfig(memory=1, max_evaluations=500))
    u = (
        0.15 * torch.randn(1, 3, 4, 4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    ).requires_grad_()
    weights = torch.randn(2, 1, 3, 4, 4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(3))

    def loss(u: torch.Tensor) -> torch.Tensor:
        found = registration(u, tight)
        return (weights[0] * found.f12 + weights[1] * found.f21.square()).sum()

    loss(u).backward()
    direction = torch.randn(u.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(4))
    with torch.no_grad():
        slope = (loss(u + 1e-6 * direction) - loss(u - 1e-6 * direction)) / 2e-6
    assert float((u.grad * direction).sum()) == pytest.approx(float(slope), rel=1e-4)


@pytest.mark.parametrize(
    "steep, config", [(3.0, InversionConfig(1e-3)), (0.9, InversionConfig(1e-6, AndersonConfig(max_evaluations=2)))]
)
def test_an_inversion_that_did_not_converge_says_so(steep, config):
    found = registration(field(steep), config)
    assert found.residual > config.tolerance
    assert not found.converged


def test_a_field_of_nan_has_not_converged():
    assert not registration(torch.full((1, 3, 4, 4, 4), torch.nan), WELL).converged


# ---- the network


@pytest.mark.parametrize("config, parameters", [(SNetConfig(), 327_763), (SNetConfig(antisymmetric=True), 327_763)])
def test_it_has_the_published_number_of_parameters(config, parameters):
    assert sum(parameter.numel() for parameter in SNet(config).parameters()) == parameters


def test_it_begins_with_next_to_no_motion():
    torch.manual_seed(0)
    found = SNet(SNetConfig())(*images((16, 16, 16)))
    assert 0 < found.f12.abs().max() < 1e-2


def test_it_sees_template_subject_and_their_difference():
    made, (subject, template) = network(), images()
    with torch.no_grad():
        wanted = made.flow(made.unet(torch.cat([template, subject, template - subject], dim=1)))
    assert torch.equal(made.train()(subject, template).displacement, wanted)


def test_swapping_the_images_swaps_the_maps_when_it_is_antisymmetric():
    made, (one, other) = network(BOTH_WAYS), images()
    there, back = made(one, other), made(other, one)
    assert there.f12.abs().max() > 0.1
    assert (there.f12 - back.f21).abs().max() < 1e-5
    assert (there.f21 - back.f12).abs().max() < 1e-5
    assert made(one, one).f12.abs().max() == 0


def test_it_is_not_symmetric_by_itself():
    made, (one, other) = network(), images()
    assert (made(one, other).f12 - made(other, one).f21).abs().max() > 1e-3


@pytest.mark.parametrize("config", [SMALL, BOTH_WAYS])
def test_at_inference_any_field_is_made_a_contraction_and_while_training_none(config):
    made = network(config, 1e7)
    found = made(*images())
    assert float(largest_slope(found.displacement)) == pytest.approx(0.95, rel=1e-4)
    assert found.share < 1
    assert found.converged
    raw = made.train()(*images())
    assert float(largest_slope(raw.displacement)) > 1
    assert raw.share == 1
    assert torch.allclose(found.displacement, found.share * raw.displacement)


def test_what_was_made_a_contraction_has_no_folds():
    u = network(gain=1e7)(*images()).f12[0]
    columns = [u[:, 1:-1, 1:-1, 1:-1] * 0 + (u.roll(-1, axis + 1) - u)[:, 1:-1, 1:-1, 1:-1] for axis in range(3)]
    jacobian = torch.stack(columns, dim=1).permute(2, 3, 4, 0, 1) + torch.eye(3)
    assert torch.linalg.det(jacobian).min() > 0


def test_with_checkpointing_gradients_are_the_same():
    gradients = []
    for checkpointing in (False, True):
        made = network().requires_grad_(True)
        made.checkpointing = checkpointing
        assert made.unet.checkpointing is checkpointing
        made(*images()).f12.square().mean().backward()
        gradients.append(torch.cat([p.grad.flatten() for p in made.parameters()]))
    assert torch.equal(*gradients)


def test_in_bfloat16_it_is_nearly_the_same():
    exact, rounded = network()(*images()).f12, network().compute_blocks_in(torch.bfloat16)(*images()).f12
    assert rounded.dtype == torch.float32
    assert 0 < (rounded - exact).abs().mean() < 0.1 * exact.abs().mean()


def test_a_batch_is_registered_like_each_pair_alone():
    made, (one, other) = network(), images()
    together = made(torch.cat([one, other]), torch.cat([other, one]))
    assert isinstance(together, SNetRegistration)
    assert (together.f12[:1] - made(one, other).f12).abs().max() < 2e-3
    assert (together.f12[1:] - made(other, one).f12).abs().max() < 2e-3


# ---- its table


def test_a_configuration_survives_its_table():
    assert config_of(table_of(BOTH_WAYS)) == BOTH_WAYS
    assert config_of({}) == SNetConfig()


def test_a_table_says_everything_even_where_it_is_the_default():
    assert table_of(SNetConfig()) == {
        "encoder": [16, 32, 32, 32],
        "decoder": [32, 32, 32, 32],
        "final": [32, 16, 16],
        "antisymmetric": False,
    }


@pytest.mark.parametrize(
    "table, told",
    [
        ({"features": [4]}, "features"),
        ({"antisymmetric": 1}, "antisymmetric"),
        ({"encoder": [4, -1]}, "encoder"),
        ({"encoder": [4]}, "as many levels"),
        ({"final": "16"}, "final"),
        ({"inversion": 1}, "inversion"),
    ],
)
def test_tables_that_describe_none_are_refused(table, told):
    with pytest.raises(InputError, match=told):
        config_of(table)


def test_the_grid_of_identity_is_what_the_maps_are_relative_to():
    """Positions, for once: x + f12(x) of a pure shift."""
    found = registration(torch.full((1, 3, 4, 4, 4), 0.25), WELL)
    assert torch.allclose(identity((4, 4, 4), found.f12) + found.f12, identity((4, 4, 4), found.f12) - 0.5, atol=1e-5)
