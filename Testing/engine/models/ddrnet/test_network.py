"""The network: its sizes, its phases, what learns in them, and how much of a grid it looks at in one piece."""

import numpy as np
import pytest
import torch
from torch import Tensor

from sitreg_engine.errors import InputError
from sitreg_engine.models.ddrnet.branch import average_of_two
from sitreg_engine.models.ddrnet.network import DDRNet, double_size, half_size
from sitreg_engine.training.networks import build_network

PHASES = ("local", "global", "fusion")


def images(*shape: int, seed: int = 1) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return tuple(torch.rand(1, 1, *shape, generator=generator) for _ in range(2))


def count(module: torch.nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def looked_at(network: DDRNet, *shape: int) -> dict[str, list[tuple[int, ...]]]:
    """The shapes that each branch was given while two images were registered."""
    found = {"local": [], "global": []}
    for name, branch in (("local", network.local_branch), ("global", network.global_branch)):
        branch.unet.register_forward_pre_hook(lambda _, x, seen=found[name]: seen.append(tuple(x[0].shape[2:])))
    with torch.no_grad():
        network(*images(*shape))
    return found


def test_the_parts_have_as_many_weights_as_the_paper_lets_expect():
    network = DDRNet.from_table({})
    assert [count(m) for m in (network.local_branch, network.global_branch, network.fusion)] == [328630, 328630, 489]


def test_a_new_fusion_is_the_average_of_both_velocities():
    v = torch.randn(2, 6, 6, 7, 8)
    assert torch.equal(average_of_two()(v), (v[:, :3] + v[:, 3:]) / 2)


def test_half_a_constant_velocity_at_half_the_size_is_all_of_it_at_the_full():
    v = torch.tensor([1.5, -2.0, 0.25]).reshape(1, 3, 1, 1, 1).expand(1, 3, 4, 5, 6)
    assert torch.allclose(double_size(v), (2 * v[..., :1, :1, :1]).expand(1, 3, 8, 10, 12))


def test_half_a_linear_velocity_keeps_its_slope():
    """Voxel i of the half grid lies at 2 i + 1/2: what scales a coarse image scales the fine one as much."""
    fine = (torch.arange(16.0) - 7.5) * 0.3
    coarse = (torch.arange(8.0) - 3.5) * 0.3
    v = torch.zeros(1, 3, 8, 8, 8)
    v[0, 0] = coarse[:, None, None]
    assert torch.allclose(double_size(v)[0, 0, 1:-1, 0, 0], fine[1:-1], atol=1e-6)


def test_an_image_of_half_the_size_has_the_means_of_its_voxels():
    image = torch.arange(64.0).reshape(1, 1, 4, 4, 4)
    assert float(half_size(image)[0, 0, 0, 0, 0]) == pytest.approx(float(image[..., :2, :2, :2].mean()))


def test_constant_velocities_of_both_branches_come_out_as_they_are(network):
    made = network()
    for branch, scale in ((made.local_branch, 1.0), (made.global_branch, 0.5)):
        torch.nn.init.zeros_(branch.mean_head.weight)
        branch.mean_head.bias.data = scale * torch.tensor([1.0, -2.0, 0.5])
    expected = torch.tensor([1.0, -2.0, 0.5]).reshape(1, 3, 1, 1, 1)
    with torch.no_grad():
        found = made(*images(24, 20, 21))
    assert (found.velocity - expected).abs().max() < 1e-5
    assert (found.f12 - expected).abs().max() < 1e-4


@pytest.mark.parametrize("phase", PHASES)
def test_a_new_network_moves_next_to_nothing(phase):
    with torch.no_grad():
        found = build_network("ddrnet", {"phase": phase, "chunk_voxels": 16**3}, 1).eval()(*images(20, 17, 33))
    assert found.f12.abs().max() < 1e-3 and found.f21.abs().max() < 1e-3


@pytest.mark.parametrize("phase", PHASES)
def test_only_what_learns_in_a_phase_gets_gradients(network, phase):
    made = network(phase=phase).train()
    found = made(*images(16, 12, 20))
    loss = (found.f12**2).mean() + (found.posterior.log_variance.mean() if found.posterior else 0)
    loss.backward()
    parts = {"local": made.local_branch, "global": made.global_branch, "fusion": made.fusion}
    for name, part in parts.items():
        reached = [p.grad is not None and bool(p.grad.abs().sum() > 0) for p in part.parameters()]
        assert all(reached) if name == phase else not any(reached)


def test_the_result_of_the_last_phase_is_made_of_those_of_the_others(network):
    pair = images(24, 16, 20)
    with torch.no_grad():
        local, whole, both = (network(phase=phase)(*pair).velocity for phase in PHASES)
    assert torch.allclose(both, (local + whole) / 2, atol=1e-5)
    assert not torch.allclose(local, whole, atol=1e-2)


def test_a_branch_that_learns_draws_its_velocity_and_else_takes_the_likeliest(network):
    made, pair = network(phase="local"), images(16, 12, 8)
    with torch.no_grad():
        still, learning = made(*pair), made.train()(*pair)
    assert still.posterior is None
    assert not torch.equal(learning.velocity, learning.posterior.mean)
    assert torch.equal(learning.velocity, made(*pair).velocity)


def test_no_branch_is_ever_given_more_than_a_chunk(network):
    small, large = (looked_at(network(), *shape) for shape in ((32, 32, 32), (64, 64, 64)))
    for shapes in (small, large):
        for given in (*shapes["local"], *shapes["global"]):
            assert np.prod(given) <= 16**3
    assert len(large["local"]) > len(small["local"])


def test_the_global_branch_sees_the_whole_while_that_is_no_more_than_a_chunk(network):
    assert looked_at(network(), 32, 32, 32)["global"] == [(16, 16, 16)]


@pytest.mark.parametrize(("overlap", "faces"), [(8, (24, 32)), (0, (24,))])
def test_the_velocity_breaks_at_the_faces_of_tiles_and_not_where_chunks_overlap(network, overlap, faces):
    """Jumps from a voxel to the next at a chunk's end, against those everywhere."""
    made = network(phase="local", overlap=overlap, splits=[1, 1, 2], chunk_voxels=10**9)
    pair = (torch.nn.functional.interpolate(image, scale_factor=4, mode="trilinear") for image in images(6, 6, 12))
    with torch.no_grad():
        jumps = made(*pair).velocity.diff(dim=-1).abs().mean(dim=(0, 1, 2, 3))
    worst = max(float(jumps[face - 1] / jumps.median()) for face in faces)
    assert worst > 3 if overlap == 0 else worst < 1.5


def test_the_local_branch_learns_from_one_chunk_at_a_time(network):
    made, rng = network(phase="local", splits=[1, 2, 2], overlap=0, chunk_voxels=10**9), np.random.default_rng(1)
    seen = {tuple((p.start, p.stop) for p in made.training_part((9, 14, 16), rng)) for _ in range(40)}
    assert seen == {((0, 9), a, b) for a in ((0, 8), (8, 14)) for b in ((0, 8), (8, 16))}


@pytest.mark.parametrize("phase", ["global", "fusion"])
def test_the_other_phases_learn_from_whole_images(network, phase):
    assert network(phase=phase).training_part((9, 14, 16), np.random.default_rng(1)) is None


@pytest.mark.parametrize("table", [
    {"phase": "all"}, {"chunks": 4}, {"splits": [1, 2]}, {"splits": [0, 1, 1]}, {"overlap": 8}, {"overlap": -16},
    {"chunk_voxels": 0}, {"squarings": 0}, {"squarings": 2.0}, {"log_variance": "low"}, {"log_variance": float("nan")},
    {"encoder": [4], "decoder": [4, 4]}, {"final": []},
])  # fmt: skip
def test_what_makes_no_network_is_refused(table):
    with pytest.raises(InputError):
        DDRNet.from_table(table)


@pytest.mark.parametrize("table", [{}, {"phase": "local", "overlap": 0}, {"splits": [1, 1, 1], "final": [8, 4]}])
def test_a_network_is_what_its_table_says(table):
    made = DDRNet.from_table(table)
    assert DDRNet.from_table(made.table()).table() == made.table() == {"phase": "fusion", **table}


def test_u_nets_in_bfloat16_find_nearly_the_same(network):
    pair = images(24, 16, 20)
    with torch.no_grad():
        exact, rounded = network()(*pair), network().compute_blocks_in(torch.bfloat16)(*pair)
    assert rounded.velocity.dtype == torch.float32
    assert (rounded.velocity - exact.velocity).abs().mean() < 0.02 * exact.velocity.abs().mean()
    assert not torch.equal(rounded.velocity, exact.velocity)
