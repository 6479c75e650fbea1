"""No claim holds without numbers that make it hold, and none is judged where there is nothing to judge."""

import dataclasses

import pytest
from claims import PAGE, chosen
from claims_costs import NOTHING, StepCost
from claims_ddrnet import ddrnet_rows
from claims_inversion import Evaluations, saved_fields
from claims_judge import Judged, PairScore
from claims_methods import METHODS
from claims_nephi import nephi_rows
from claims_parts import IDLE, PARTS, Results, memory_part
from claims_rows import (
    FAILS,
    HOLDS,
    MISSING,
    UNKNOWN,
    cheaper,
    dearer,
    difference,
    fewer_folds,
    hardly_folds,
    higher,
    level,
    lower,
)
from claims_sitreg import histogram, sitreg_rows
from claims_snet import snet_rows
from claims_table import claims_table, judged_table

LEARNT, SAME = 0.7, 0.5  # Dice; the affine start is 0.5


def method(name: str = "one", **values) -> Judged:
    """Four pairs around the values; all else is as before registration."""
    score = PairScore("", SAME, SAME, 0.2, 0.2, 0.0, 0.0, 0.0, 0.0, 0.0, 0.1, 1.0, 1.0)
    spread = (0.98, 1.0, 1.0, 1.02)
    made = [
        dataclasses.replace(score, name=str(n), **{key: value * factor for key, value in values.items()})
        for n, factor in enumerate(spread)
    ]
    return Judged(name, tuple(made))


def test_differences_are_taken_pair_by_pair():
    one, other = method(dice=0.7), method(dice=0.6)
    assert difference(one, other, "dice").mean == pytest.approx(0.1)
    assert difference(one, other, "dice").is_positive and difference(other, one, "dice").is_negative
    assert not difference(one, one, "dice").is_positive and not difference(one, one, "dice").is_negative
    with pytest.raises(ValueError, match="same pairs"):
        difference(one, Judged("two", other.pairs[:2]), "dice")


def test_one_pair_proves_nothing():
    one, other = (Judged(name, method(dice=value).pairs[:1]) for name, value in (("one", 0.9), ("two", 0.5)))
    assert not difference(one, other, "dice").is_positive


@pytest.mark.parametrize(("rule", "one", "other", "verdict"), [
    (higher, 0.75, 0.7, HOLDS), (higher, 0.7, 0.75, FAILS), (higher, 0.7, 0.7, FAILS),
    (lower, 0.7, 0.75, HOLDS), (lower, 0.75, 0.7, FAILS),
])  # fmt: skip
def test_accuracy_holds_only_where_the_difference_is_clear(rule, one, other, verdict):
    row = rule("claim", "paper", method(dice=one), method(dice=other), "dice")
    assert row.verdict == verdict and row.ours.startswith(f"{one / other:.3f}")


def test_level_is_not_far_behind():
    assert level("c", "p", method(dice=0.695), method(dice=0.7)).verdict == HOLDS
    assert level("c", "p", method(dice=0.68), method(dice=0.7)).verdict == FAILS


def test_networks_that_have_learnt_nothing_are_not_compared():
    for rule in (higher, lower):
        row = rule("c", "p", method(dice=0.505), method(dice=0.5), "dice")
        assert row.verdict == UNKNOWN and "train longer" in row.why
    assert hardly_folds("c", "p", method(dice=0.5), "").verdict == UNKNOWN


def test_who_learns_where_the_other_does_not_is_better_and_the_row_says_so():
    row = higher("c", "p", method(dice=0.7), method("slow", dice=0.5), "dice")
    assert row.verdict == HOLDS and "slow has hardly learnt" in row.why


def test_fewer_folds_than_none_cannot_be_had():
    folding, still = method(dice=LEARNT, folded=40.0), method(dice=LEARNT)
    assert fewer_folds("c", "p", still, still, True, "").verdict == UNKNOWN
    assert fewer_folds("c", "p", still, folding, True, "").verdict == HOLDS
    assert fewer_folds("c", "p", folding, folding, True, "").verdict == FAILS
    assert fewer_folds("c", "p", folding, folding, False, "").verdict == HOLDS


def test_hardly_any_folds_is_a_hundredth_of_a_per_cent():
    assert hardly_folds("c", "p", method(dice=LEARNT, folded_percent=0.009), "").verdict == HOLDS
    assert hardly_folds("c", "p", method(dice=LEARNT, folded_percent=0.011), "").verdict == FAILS


def test_costs_hold_in_the_direction_that_is_claimed():
    assert (
        cheaper("c", "p", 1.0, 2.0, "s", "").verdict == HOLDS and dearer("c", "p", 1.0, 2.0, "s", "").verdict == FAILS
    )
    assert cheaper("c", "p", 1.0, 2.0, "s", "").ours == "0.50 (1 / 2 s)"
    assert cheaper("c", "p", 1234.5, 2.0, "s", "").ours.startswith("617.25 (1234 /")


def test_without_results_nothing_holds_and_nothing_fails(tmp_path):
    results = Results(tmp_path, 2)
    rows = [row for rows in (sitreg_rows, nephi_rows, ddrnet_rows, snet_rows) for row in rows(results)]
    assert {row.verdict for row in rows} == {MISSING, UNKNOWN} and len(rows) > 30
    assert MISSING in histogram(results)


def fill(results: Results, dice: dict[str, float]) -> None:
    for name in (*METHODS, "snet_as_published", "nephi_fitted"):
        values = {"dice": dice.get(name, 0.6), "cycle_error": 0.001 if name == "sitreg" else 1.0}
        results.keep(f"judge_{name}", method(name, inverse_error=values["cycle_error"], **values))


def test_sitreg_must_beat_every_other_method(tmp_path):
    results = Results(tmp_path, 2)
    fill(results, {"sitreg": 0.7})
    assert sitreg_rows(results)[0].verdict == HOLDS
    fill(results, {"sitreg": 0.7, "nephi": 0.7})
    assert sitreg_rows(results)[0].verdict == FAILS


def test_inversions_of_updates_that_hardly_move_anything_prove_nothing(tmp_path):
    results = Results(tmp_path, 2)
    results.keep("evaluations", Evaluations((2, 2, 2, 2), 0.01))
    for dice, verdict in ((SAME, UNKNOWN), (LEARNT, HOLDS)):
        fill(results, {"sitreg": dice})
        assert next(row for row in sitreg_rows(results) if "iterations" in row.claim).verdict == verdict
    results.keep("evaluations", Evaluations((6, 6, 7, 2), 0.01))
    assert next(row for row in sitreg_rows(results) if "iterations" in row.claim).verdict == FAILS


def test_with_results_every_claim_that_can_be_judged_is(tmp_path):
    results = Results(tmp_path, 2)
    fill(results, {"sitreg": 0.7})
    results.keep("evaluations", Evaluations((2, 2, 3, 5), 0.01))
    for number, name in enumerate(name for name, part in PARTS.items() if part.kind is StepCost):
        results.keep(name, StepCost(name, (8, 8, 8), 1.0 + number, 1.0, 100.0 if name == IDLE else 200.0 + number))
    results.keep("saved_fields", saved_fields())
    rows = [row for rows in (sitreg_rows, nephi_rows, ddrnet_rows, snet_rows) for row in rows(results)]
    assert not [row for row in rows if row.verdict == MISSING]
    assert "| inversions | 2 | 1 | 0 | 1 |" in histogram(results)


def test_records_are_kept_and_read_back(tmp_path):
    results = Results(tmp_path, 2)
    assert results.found("judge_snet") is None and results.memory(memory_part("nephi", 32)) is None
    results.keep("judge_snet", method(dice=0.7))
    assert results.found("judge_snet") == method(dice=0.7)
    assert "steps_0002" in str(results.file("judge_snet")) and "sizes" in str(results.file("saved_fields"))


def test_memory_is_what_an_idle_process_has_not(tmp_path):
    results, name = Results(tmp_path, 2), memory_part("nephi", 32)
    results.keep(IDLE, StepCost(NOTHING, (16,) * 3, 0.0, 0.0, 400.0))
    results.keep(name, StepCost("nephi", (32,) * 3, 1.0, 1.0, 450.0))
    assert results.memory(name) == 50.0


def test_parts_come_in_the_order_in_which_they_need_each_other():
    names = chosen([])
    assert names == list(PARTS) and chosen(["judge_snet"]) == ["judge_snet", "judge_snet_as_published"]
    for name in METHODS:
        assert names.index("pairs") < names.index(f"train_{name}") < names.index(f"judge_{name}")
    assert names.index("train_ddrnet_global") < names.index("train_ddrnet_local") < names.index("train_ddrnet")


def test_a_claim_is_one_line_whose_verdict_stands_out():
    text = claims_table([cheaper("c", "p", 1.0, 2.0, "s", "why")])
    assert text.splitlines()[2:] == ["| c | p | 0.50 (1 / 2 s) | **holds** | why |"]


def test_the_page_has_a_place_for_every_table():
    text = PAGE.read_text(encoding="utf-8")
    for name in ("setting", "judged", "sitreg", "nephi", "ddrnet", "snet"):
        assert text.index(f"<!-- claims: {name} -->") < text.index(f"<!-- claims: end of {name} -->")


def test_all_methods_stand_side_by_side():
    text = judged_table([("A", method(dice=0.7)), ("B", method(dice=0.6))])
    assert "| A | 0.500 | 0.700 |" in text and "| B | 0.500 | 0.600 |" in text
