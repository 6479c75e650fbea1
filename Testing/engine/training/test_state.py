"""What the optimiser does with a network's parts."""

import pytest

from sitreg_engine.errors import InputError
from sitreg_engine.training.config_file import read_settings
from sitreg_engine.training.networks import build_network
from sitreg_engine.training.processes import Processes
from sitreg_engine.training.sampler import make_sampler
from sitreg_engine.training.state import new_state
from sitreg_engine.training.step import train_step


def test_parts_of_the_network_take_their_share_of_the_rate(config):
    settings = read_settings(config(optimiser="shares = { extractor = 0.25 }"))
    network = build_network("sitreg", settings.network, 1)
    state = new_state(network, settings.optimiser)
    apart = {id(p) for p in network.extractor.parameters()}
    assert [group["share"] for group in state.optimiser.param_groups] == [1.0, 0.25]
    assert {id(p) for p in state.optimiser.param_groups[1]["params"]} == apart
    before = [p.detach().clone() for p in network.parameters()]
    train_step(settings, state, 0, [(0, make_sampler(settings, lambda _: None).draw(0, 0))], Processes(0, 1))
    # Adam's first step is as long as the rate.
    moved = {id(p): float((p - old).detach().abs().max()) for p, old in zip(network.parameters(), before, strict=True)}
    assert max(moved[n] for n in apart) == pytest.approx(0.0025, rel=0.01)
    assert max(size for n, size in moved.items() if n not in apart) == pytest.approx(0.01, rel=0.01)


@pytest.mark.parametrize(
    ("shares", "match"), [("{ head = 0.5 }", "are of extractor, updates"), ("{ updates = 2 }", "up to 1, got 2")]
)
def test_shares_that_mean_nothing_are_refused(config, shares, match):
    settings = read_settings(config(optimiser=f"shares = {shares}"))
    with pytest.raises(InputError, match=match):
        new_state(build_network("sitreg", settings.network, 1), settings.optimiser)
