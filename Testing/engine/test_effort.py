"""How much refinement is asked for, in words."""

import math

import pytest

from sitreg_engine.effort import MOST_STEPS, Effort
from sitreg_engine.errors import InputError


@pytest.mark.parametrize(
    "text, effort",
    [
        ("auto", Effort(None, math.inf)),
        ("0", Effort(0)),
        ("40", Effort(40)),
        (str(MOST_STEPS), Effort(MOST_STEPS)),
        ("60s", Effort(None, 60.0)),
        ("2.5s", Effort(None, 2.5)),
    ],
)
def test_words_become_steps_or_seconds(text, effort):
    assert Effort.of(text) == effort


@pytest.mark.parametrize(
    "text",
    [
        *("", "many", "-1", "2.5", "0s", "0.0s", "s", "-3s", "60 s", "60S", "1e3s", ".5s", "nans", "infs"),
        *("²", "٣", "٣s", str(MOST_STEPS + 1), "9" * 5000, "9" * 400 + "s", "60s\n", "4\n"),
    ],
    ids=lambda text: repr(text[:20]),
)
def test_other_words_are_refused_with_what_is_possible(text):
    with pytest.raises(InputError, match=r"auto, a number of steps .* seconds such as 60s"):
        Effort.of(text)


def test_a_share_of_it_is_a_share_of_its_seconds():
    assert Effort(seconds=10.0).part(0.4) == Effort(seconds=4.0)
    assert Effort().part(0.4) == Effort() and Effort(40).part(0.5) == Effort(40)


def test_no_steps_are_no_effort():
    assert Effort.of("0").is_none and not any(Effort.of(text).is_none for text in ("auto", "1", "5s"))
