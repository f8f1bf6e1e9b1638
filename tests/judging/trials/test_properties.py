"""Whatever trials say: their order and the unit they are told in change nothing, and more of the same never turns a verdict round."""

from __future__ import annotations

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from harness.judging.trials.compared import Better, Pair, compared
from harness.judging.trials.gate import over_trials
from harness.judging.trials.policy import Policy
from harness.judging.trials.trial import Trial, Value
from harness.reading.expectation import parse

LIMITS = {
    "ms": parse("latency_ms.p95 <= 1000"),
    "s": parse("recovery_time_s <= 5"),
    "ratio": parse("good_ratio >= 0.9"),
    "times": parse("relapses <= 4"),
    "cost": parse("cost_per_good <= 2"),
}
UNITS = st.sampled_from(sorted(LIMITS))
SHARES = st.lists(st.floats(0.0, 1.0), min_size=2, max_size=7)
TEN = Policy(most=10)
EXAMPLES = settings(max_examples=40, deadline=None)


def trials(unit: str, shares: list[float]) -> list[Trial]:
    """Of each share of twice the limit, or of 1 for a ratio, one trial."""
    limit = LIMITS[unit]
    most = 1.0 if unit == "ratio" else 2 * limit.limit
    of = [Value(share * most, share * most * 0.98, min(1.0, share * 1.02) * most, unit) for share in shares]
    return [Trial(str(place), place, "pass", {str(limit): value, "it": value}) for place, value in enumerate(of)]


@EXAMPLES
@given(UNITS, SHARES, st.randoms(use_true_random=False))
def test_the_order_of_trials_changes_nothing(unit: str, shares: list[float], chance: Random) -> None:
    made = trials(unit, shares)
    others = made.copy()
    chance.shuffle(others)
    assert over_trials([LIMITS[unit]], made, TEN) == over_trials([LIMITS[unit]], others, TEN)


@EXAMPLES
@given(UNITS, SHARES, st.integers(0, 6))
def test_a_verdict_is_not_turned_round_by_more_of_what_speaks_for_it(unit: str, shares: list[float], more: int) -> None:
    limit, made = LIMITS[unit], trials(unit, shares)
    before = over_trials([limit], made, TEN).verdict
    clear = {"fail": 0.0 if unit == "ratio" else 1.0, "pass": 1.0 if unit == "ratio" else 0.0}
    if before in clear:
        after = over_trials([limit], [*made, *trials(unit, [clear[before]] * more)], TEN).verdict
        assert after in (before, "inconclusive")


@EXAMPLES
@given(UNITS, SHARES)
def test_no_trials_show_both_that_a_limit_holds_and_that_it_is_broken(unit: str, shares: list[float]) -> None:
    held = over_trials([LIMITS[unit]], trials(unit, shares), TEN).each[0]
    assert held.low is None or held.high is None or held.low <= held.high
    assert held.value is None or held.low is None or held.low <= held.value


@EXAMPLES
@given(UNITS, SHARES, SHARES)
def test_what_is_worse_one_way_is_better_the_other(unit: str, then: list[float], now: list[float]) -> None:
    pairs: list[Pair] = list(zip(trials(unit, then), trials(unit, now), strict=False))
    metrics: dict[str, Better] = {"it": "higher"}
    forth = compared(pairs, metrics, TEN).each[0].state
    back = compared([(head, base) for base, head in pairs], metrics, TEN).each[0].state
    assert {forth, back} in ({"worse", "better"}, {"same"}, {"unknown"})
