"""The deformation inversion layer: values, gradients, convergence."""

import pytest
import torch

from sitreg_engine.mappings import compose, identity, sample
from sitreg_engine.models.sitreg.anderson import WHOLE, AndersonConfig, solve_fixed_point
from sitreg_engine.models.sitreg.bounds import bound
from sitreg_engine.models.sitreg.inversion import InversionConfig, invert, invert_each, solve_inverse
from sitreg_engine.models.sitreg.splines import upsample
from sitreg_engine.refine.inverses import exact_inverse

# With a memory of one the solver takes plain steps, which need no ridge and so reach any tolerance.
TIGHT = InversionConfig(1e-10, AndersonConfig(memory=1, max_evaluations=500))


def _field(size: int, scale: int, seed: int = 0, share: float = 0.99, samples: int = 1) -> torch.Tensor:
    """Displacement (samples, 3, size, size, size) of random control values of largest allowed size."""
    generator = torch.Generator().manual_seed(seed)
    signs = torch.randint(0, 2, (samples, 3, *[-(-size // scale)] * 3), generator=generator) * 2.0 - 1
    return upsample(share * bound((scale,) * 3) * signs, scale, (size,) * 3)


def _residual(u: torch.Tensor, v: torch.Tensor) -> float:
    return float((v + sample(u, identity(tuple(u.shape[2:]), u) + v)).abs().max())


def _writing(function):
    return lambda x, part, out: out.copy_(function(x, part))


def test_anderson_solves_a_linear_equation_almost_exactly():
    matrix = torch.diag(torch.tensor([0.9, 0.5, -0.3], dtype=torch.float64))
    offset = torch.ones(1, 3, dtype=torch.float64)
    config = AndersonConfig(memory=4, ridge=1e-14)
    function = _writing(lambda x, _: x @ matrix + offset)
    solution, evaluations = solve_fixed_point(function, offset, 1e-10, config)
    assert torch.allclose(solution, torch.tensor([[10.0, 2.0, 1 / 1.3]], dtype=torch.float64), atol=1e-8)
    assert evaluations <= 8  # the slowest part alone would take 200 plain steps


def test_the_solver_stops_at_its_largest_number_of_evaluations():
    config = AndersonConfig(max_evaluations=7)
    _, evaluations = solve_fixed_point(_writing(lambda x, _: 2 * x + 1), torch.ones(1, 2), 0.0, config)
    assert evaluations == 7


def test_solving_in_parts_is_solving_the_whole():
    factor = torch.linspace(-0.5, 0.9, 12, dtype=torch.float64).reshape(2, 6)
    parts = [(slice(None), slice(0, 1)), (slice(None), slice(1, 4)), (slice(None), slice(4, 6))]
    start, found = torch.ones(2, 6, dtype=torch.float64), []
    function = _writing(lambda x, part: factor[part] * x.sin() + 1)
    for cut in (WHOLE, parts):
        found.append(solve_fixed_point(function, start, 1e-6, AndersonConfig(), cut))
    torch.testing.assert_close(found[0][0], found[1][0], rtol=0, atol=1e-12)
    assert found[0][1] == found[1][1]


def test_the_solvers_memory_serves_for_the_next_field():
    spare: list[torch.Tensor] = []
    first, _ = solve_inverse(_field(16, 4), spare=spare)
    places = {x.data_ptr() for x in spare}
    kept = first.clone()
    second, _ = solve_inverse(_field(16, 4, seed=1), spare=spare)
    assert second.data_ptr() in places
    assert first.data_ptr() not in {x.data_ptr() for x in spare}
    assert torch.equal(first, kept)


def test_several_fields_are_inverted_as_each_alone():
    fields = [_field(16, 4, seed=seed) for seed in range(3)]
    for u, v in zip(fields, invert_each(fields, None, []), strict=True):
        assert torch.equal(v, invert(u))


def test_no_displacement_needs_the_least_evaluations():
    v, evaluations = solve_inverse(torch.zeros(1, 3, 4, 4, 4))
    assert v.abs().max() == 0
    assert evaluations == 2


def test_a_translation_is_inverted_by_its_opposite():
    u = torch.tensor([0.7, -1.2, 2.0]).reshape(1, 3, 1, 1, 1).expand(2, 3, 5, 6, 7)
    assert torch.allclose(invert(u), -u, atol=1e-6)


@pytest.mark.parametrize("scale", [1, 2, 4, 8])
def test_the_largest_allowed_fields_are_inverted_within_the_tolerance(scale):
    u = _field(32, scale)
    v, evaluations = solve_inverse(u)
    assert _residual(u, v) < 1e-2
    assert evaluations <= 15
    assert torch.equal(v, invert(u))


@pytest.mark.parametrize("scale", [2, 8])
def test_the_inverse_agrees_with_plain_fixed_point_steps(scale):
    u = _field(20, scale, seed=1)
    grid, v = identity((20, 20, 20), u), -u
    for _ in range(100):
        v = -sample(u, grid + v)
    assert (invert(u) - v).abs().max() < 2e-2
    assert (invert(u.double(), TIGHT) - v).abs().max() < 1e-4


def test_a_batch_of_two_is_swapped_exactly():
    u = _field(17, 4, seed=2, samples=2)
    assert torch.equal(invert(u), invert(u.flip(0)).flip(0))


def test_the_gradient_is_that_of_the_true_inverse():
    u = _field(4, 2, seed=3, share=0.6).double()
    u = (u + 0.013 * torch.randn(u.shape, generator=torch.Generator().manual_seed(3), dtype=u.dtype)).requires_grad_()
    assert torch.autograd.gradcheck(lambda u: invert(u, TIGHT), u, eps=1e-6, atol=1e-6)


def test_the_default_tolerances_give_nearly_the_same_gradient():
    gradients = []
    for config in (InversionConfig(), TIGHT):
        u = _field(16, 4, seed=4).double().requires_grad_()
        weights = torch.randn(u.shape, generator=torch.Generator().manual_seed(5), dtype=u.dtype)
        (invert(u, config) * weights).sum().backward()
        gradients.append(u.grad)
    assert (gradients[0] - gradients[1]).norm() < 2e-2 * gradients[1].norm()


def test_only_the_field_and_its_inverse_are_kept_for_the_gradient():
    u = _field(8, 2).requires_grad_()
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t.shape) or t, lambda t: t):
        invert(u)
    assert kept == [u.shape, u.shape]


def test_polishing_inverts_a_composed_map_that_is_no_contraction():
    first, second = _field(40, 8, seed=6), _field(40, 4, seed=7)
    u = compose(first, second)
    assert max(float(u.diff(dim=d).abs().max()) for d in (2, 3, 4)) > 1
    guess = compose(invert(second), invert(first))
    v = exact_inverse(u, guess, 1e-3)
    assert _residual(u, guess) > 0.05
    assert _residual(u, v) <= 1.1e-3  # 1e-4 is what positions in float32 allow


def test_polishing_never_makes_any_voxel_worse():
    u, guess = _field(12, 4, seed=8), torch.zeros(1, 3, 12, 12, 12)
    v = exact_inverse(u, guess, 1e-3, most_steps=1)
    assert _residual(u, v) <= float(u.abs().max())


def test_polishing_looks_at_the_voxels_it_is_given_alone():
    u = _field(12, 4, seed=8)
    guess, where = invert(u) + 0.2, torch.arange(5 * 144, 7 * 144)  # two planes
    v = exact_inverse(u, guess, 1e-3, where=where)
    error = compose(u, v).abs().amax(dim=1)[0]
    assert float(error[5:7].max()) <= 1.1e-3 and torch.equal(v[:, :, :5], guess[:, :, :5])


def test_fields_of_other_channels_are_refused():
    with pytest.raises(ValueError, match="one channel an axis"):
        invert(torch.zeros(1, 2, 4, 4, 4))
