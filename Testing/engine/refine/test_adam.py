"""The optimiser of one tensor: torch's numbers, without torch's compiler."""

import subprocess
import sys

import pytest
import torch

from sitreg_engine.refine.adam import Adam

BETAS = (0.9, 0.99)


def parabola(x):
    return (torch.arange(1.0, 7.0).reshape(2, 3) * (x - 0.5) ** 2).sum()


def test_it_walks_exactly_as_torchs_own_does():
    ours, theirs = torch.zeros(2, 3, requires_grad=True), torch.zeros(2, 3, requires_grad=True)
    optimiser, reference = Adam(ours, 0.2, BETAS), torch.optim.Adam([theirs], lr=0.2, betas=BETAS)
    for _ in range(25):
        parabola(ours).backward()
        optimiser.step()
        reference.zero_grad()
        parabola(theirs).backward()
        reference.step()
        assert torch.equal(ours, theirs)


def test_it_comes_to_the_minimum():
    x = torch.zeros(2, 3, requires_grad=True)
    optimiser = Adam(x, 0.05)
    for _ in range(300):
        parabola(x).backward()
        optimiser.step()
    assert torch.allclose(x, torch.tensor(0.5), atol=1e-3)


def test_a_step_without_a_gradient_is_refused():
    x = torch.zeros(3, requires_grad=True)
    with pytest.raises(ValueError, match=r"call backward\(\)"):
        Adam(x, 0.1).step()
    parabola(x.expand(2, 3)).backward()
    optimiser = Adam(x, 0.1)
    optimiser.step()
    with pytest.raises(ValueError, match="has none"):
        optimiser.step()


@pytest.mark.parametrize(
    ("rate", "betas"), [(0.0, BETAS), (float("nan"), BETAS), (0.1, (0.9, 1.0)), (0.1, (-0.1, 0.9))]
)
def test_what_is_no_rate_or_share_is_refused(rate, betas):
    with pytest.raises(ValueError, match="above 0 and betas"):
        Adam(torch.zeros(3), rate, betas)


def test_an_optimisation_never_loads_torchs_compiler():
    script = """
import sys, torch
from sitreg_engine.effort import Effort
from sitreg_engine.refine.instance import optimise
from sitreg_engine.refine.schedule import make_schedule
from sitreg_engine.refine.views import Views
image, shown = torch.rand(1, 1, 16, 16, 16), torch.ones(1, 1, 16, 16, 16)
optimise(Views(image, image.flip(2), shown, shown, None, None), make_schedule((16, 16, 16), Effort(2)), lambda *_: None)
print("torch._dynamo" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, encoding="utf-8", check=False)
    assert done.stdout.split() == ["False"], done.stderr
